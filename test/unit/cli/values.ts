/** Results as `builder` returns them, for tests of what is printed. */
import type {
  BenchComparison,
  BenchReport,
  BuildPlan,
  BuildResult,
  InspectReport,
  TapeListing,
  VerifyResult,
} from '../../../builder/api.js';

const MiB = 2 ** 20;

export const verified: VerifyResult = {
  schema: 'crac-build/verify/1',
  image: 'app:warm',
  restored: true,
  cold: null,
  restoreMs: 141.6,
  readyMs: 187.2,
  runArgs: ['--cap-add', 'SYS_ADMIN'],
};

export const verifiedCold: VerifyResult = {
  ...verified,
  restored: false,
  cold: { code: 'NO-RIGHTS', reason: 'CRIU needs SYS_ADMIN', hint: 'Give it.' },
  restoreMs: null,
  readyMs: 3210,
};

export const buildResult: BuildResult = {
  schema: 'crac-build/build/1',
  image: 'app:warm',
  imageId: `sha256:${'0123456789ab'.padEnd(64, 'c')}`,
  baseImage: 'app:1',
  restorer: 'criu',
  mode: 'read',
  bytes: { base: 212 * MiB, runtime: 21 * MiB, files: 0, checkpoint: 113 * MiB, pages: 0 },
  bakeBytesPerSecond: 100 * MiB,
  dumpBytes: 112 * MiB,
  peakRssBytes: { host: 90 * MiB, step: 80 * MiB },
  steps: [{ step: 'plan', ms: 120 }],
  verified,
  runArgs: ['--cap-add', 'SYS_ADMIN'],
  runCommand: 'docker run --cap-add SYS_ADMIN app:warm',
  warnings: [],
};

export const plan: BuildPlan = {
  engine: 'Docker 20.10.24, API 1.41',
  base: 'app:1',
  tag: 'app:warm',
  command: ['java', '-jar', '/a b.jar'],
  user: 'root',
  java: 'OpenJDK 25.0.3',
  readiness: 'http://:8080/health',
  warmups: ['GET /todos (2000 requests)', '["/warm.sh"]'],
  checkpoint: 'engine criu, full GC',
  restore: 'criu, mode read, else cold',
  cpu: 'x86-64-v3',
  heap: '512 MiB (-Xmx512m)',
  buildRights: [{ right: 'SYS_ADMIN', reason: 'mounts /proc of the inner PID namespace' }],
  runRights: [],
  warnings: ['no --memory'],
};

const spread = (median: number) => ({ min: median * 0.9, median, max: median * 1.2 });

export const benchReport: BenchReport = {
  schema: 'crac-build/bench/1',
  image: 'app:warm',
  restorer: 'criu',
  mode: 'read',
  runs: 15,
  cold: { readyMs: spread(3210), totalMs: spread(3600), rssBytes: 213 * MiB, pssBytes: 201 * MiB, privateDirtyBytes: 190 * MiB },
  coldBase: { readyMs: spread(3150), totalMs: spread(3500), rssBytes: 212 * MiB, pssBytes: 200 * MiB, privateDirtyBytes: 189 * MiB },
  restored: {
    readyMs: spread(142),
    totalMs: spread(520),
    restoreMs: spread(98),
    rssBytes: 120 * MiB,
    pssBytes: 119 * MiB,
    privateDirtyBytes: 118 * MiB,
  },
  ratio: 3150 / 142,
  bytes: buildResult.bytes,
  fellBack: 0,
  machine: { kernel: '6.18.1', cpu: 'AMD EPYC', cores: 2, memoryBytes: 16 * 1024 * MiB, engine: 'Docker 20.10.24' },
};

const mapped: BenchReport = {
  ...benchReport,
  image: 'app:mapped',
  mode: 'mmap',
  restored: {
    readyMs: spread(71),
    totalMs: spread(430),
    restoreMs: spread(40),
    rssBytes: 60 * MiB,
    pssBytes: 31 * MiB,
    privateDirtyBytes: 20 * MiB,
  },
  ratio: 3150 / 71,
};

const replicas = (sum: number): BenchReport['replicas'] => ({
  count: 8,
  allReadyMs: spread(800),
  sum: { rssBytes: 8 * 120 * MiB, pssBytes: sum * MiB, privateDirtyBytes: (sum - 8) * MiB },
  each: { rssBytes: spread(120 * MiB), pssBytes: spread((sum / 8) * MiB), privateDirtyBytes: spread((sum / 8 - 1) * MiB) },
  fellBack: 0,
});

export const benchComparison: BenchComparison = {
  schema: 'crac-build/bench-compare/1',
  images: [
    { ...benchReport, replicas: replicas(880) },
    { ...mapped, replicas: replicas(160) },
  ].map(({ replicas: series, ...report }) => (series === undefined ? report : { ...report, replicas: series })),
  machine: benchReport.machine,
};

export const tapeListing: TapeListing = {
  schema: 'crac-build/tape/1',
  image: 'app:warm',
  sizeBytes: 70 * 1024,
  lines: ['process 40, x86_64, 21 threads, 1 steps, descriptors below 8', '    0  vdso'],
};

export const inspectReport: InspectReport = {
  schema: 'crac-build/inspect/1',
  image: 'app:warm',
  imageId: buildResult.imageId,
  created: '2026-01-02T03:04:05Z',
  labels: {},
  restorer: 'criu',
  mode: 'read',
  engine: 'criu',
  jdk: 'OpenJDK 25.0.3',
  cpu: 'x86-64-v3',
  kernel: '6.18.1',
  base: { name: 'app:1', digest: `sha256:${'fedcba987654'.padEnd(64, '0')}` },
  layers: [
    { role: 'base', diffId: `sha256:${'1'.repeat(64)}`, sizeBytes: 212 * MiB },
    { role: 'checkpoint', diffId: `sha256:${'2'.repeat(64)}`, sizeBytes: null },
  ],
  record: {
    argv: ['java', '-jar', '/app.jar'],
    cwd: '/',
    uid: 0,
    gid: 0,
    pid: 40,
    threads: 31,
    fallback: 'cold',
    deadlineMs: 10_000,
    environment: ['PATH', 'JAVA_HOME'],
    ignoredEnvironment: [],
    files: [{ path: '/app.jar', use: 'read', sizeBytes: 20 * MiB }],
    carried: [],
  },
  memory: {
    dumpBytes: 112 * MiB,
    vmas: 264,
    kinds: [{ kind: 'heap', bytes: 40 * MiB }],
    pages: {
      kinds: [
        { kind: 'Java heap', dumpBytes: 100 * MiB, storeBytes: 60 * MiB, copyBytes: 1 * MiB, zeroBytes: 9 * MiB, freeBytes: 30 * MiB },
        { kind: 'C heap (brk)', dumpBytes: 12 * MiB, storeBytes: 0, copyBytes: 12 * MiB, zeroBytes: 0, freeBytes: 0 },
      ],
      free: [{ why: 'eden above top', bytes: 30 * MiB }],
      fillerBytes: 1 * MiB,
      storeBytes: 61 * MiB,
      copiedBytes: 13 * MiB,
      lazyBytes: 0,
      sharedBytes: 0,
      workingSet: { touchedBytes: 20 * MiB, writtenBytes: 5 * MiB, restoreMs: 88 },
    },
  },
  clock: { continues: true },
  agent: { callbacks: 'auto', frozen: ['SERVER_PORT'] },
  refusals: [],
  warnings: [],
  runCommand: 'docker run --cap-add SYS_ADMIN app:warm',
};
