/** Unit tests: no engine, no network, in parallel. */
export default {
  files: ['dist/test/unit/**/*.test.js'],
  timeout: '120s',
};
