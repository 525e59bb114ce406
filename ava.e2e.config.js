/** End-to-end tests: a real engine, one file at a time, each in a process of its own so that signals can be tested. */
export default {
  files: ['dist/test/e2e/**/*.test.js'],
  require: ['./dist/test/e2e/support/start.js'],
  concurrency: 1,
  serial: true,
  workerThreads: false,
  timeout: '10m',
};
