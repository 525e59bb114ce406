/** What the commands print with --json, member by member: a member that is missing, of another type, or not known fails. */
import * as v from 'valibot';

const size = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const positive = v.pipe(v.number(), v.finite(), v.gtValue(0));
const digest = v.pipe(v.string(), v.regex(/^sha256:[0-9a-f]{64}$/));
const words = v.array(v.string());
const layerSizes = v.strictObject({ base: size, runtime: size, files: size, checkpoint: size, pages: size });
const restorer = v.picklist(['criu', 'tape']);
const mode = v.nullable(v.picklist(['mmap', 'lazy', 'read']));

export const verifySchema = v.strictObject({
  schema: v.literal('crac-build/verify/1'),
  image: v.string(),
  restored: v.boolean(),
  cold: v.nullable(v.strictObject({ code: v.pipe(v.string(), v.regex(/^COLD-[A-Z-]+$/)), reason: v.string(), hint: v.string() })),
  restoreMs: v.nullable(positive),
  readyMs: v.nullable(positive),
  runArgs: words,
});

const stepSchema = v.strictObject({ step: v.string(), ms: size, bytes: v.optional(size) });

const buildEntries = {
  schema: v.literal('crac-build/build/1'),
  image: v.string(),
  imageId: digest,
  baseImage: v.string(),
  restorer,
  mode,
  bytes: layerSizes,
  bakeBytesPerSecond: positive,
  dumpBytes: positive,
  peakRssBytes: v.strictObject({ host: positive, step: positive }),
  steps: v.array(stepSchema),
  verified: v.nullable(verifySchema),
  runArgs: words,
  runCommand: v.string(),
  warnings: words,
};

export const buildSchema = v.strictObject(buildEntries);

/** The file of --metadata-file: the result, and what of it buildx has names for. */
export const metadataSchema = v.strictObject({ 'image.name': v.string(), 'containerimage.config.digest': digest, ...buildEntries });

const rights = v.array(v.strictObject({ right: v.string(), reason: v.string() }));

export const planSchema = v.strictObject({
  engine: v.string(),
  base: v.string(),
  tag: v.string(),
  command: words,
  user: v.string(),
  java: v.string(),
  readiness: v.string(),
  warmups: words,
  checkpoint: v.string(),
  restore: v.string(),
  cpu: v.string(),
  heap: v.string(),
  buildRights: rights,
  runRights: rights,
  warnings: words,
});

export const inspectSchema = v.strictObject({
  schema: v.literal('crac-build/inspect/1'),
  image: v.string(),
  imageId: digest,
  created: v.pipe(v.string(), v.isoTimestamp()),
  labels: v.record(v.string(), v.string()),
  restorer,
  mode,
  engine: v.string(),
  jdk: v.string(),
  cpu: v.string(),
  kernel: v.string(),
  base: v.strictObject({ name: v.string(), digest }),
  layers: v.array(
    v.strictObject({
      role: v.picklist(['base', 'runtime', 'files', 'checkpoint', 'pages', 'above']),
      diffId: digest,
      sizeBytes: v.nullable(size),
    }),
  ),
  record: v.strictObject({
    argv: words,
    cwd: v.string(),
    uid: size,
    gid: size,
    pid: positive,
    threads: positive,
    fallback: v.picklist(['cold', 'fail']),
    deadlineMs: positive,
    environment: words,
    ignoredEnvironment: words,
    files: v.array(v.strictObject({ path: v.string(), use: v.string(), sizeBytes: size })),
    carried: words,
  }),
  memory: v.strictObject({
    dumpBytes: positive,
    vmas: positive,
    kinds: v.array(v.strictObject({ kind: v.string(), bytes: size })),
    pages: v.strictObject({
      kinds: v.array(
        v.strictObject({ kind: v.string(), dumpBytes: size, storeBytes: size, copyBytes: size, zeroBytes: size, freeBytes: size }),
      ),
      free: v.array(v.strictObject({ why: v.string(), bytes: size })),
      fillerBytes: size,
      storeBytes: size,
      copiedBytes: size,
      lazyBytes: size,
      sharedBytes: size,
      workingSet: v.nullable(v.strictObject({ touchedBytes: size, writtenBytes: size, restoreMs: v.number() })),
    }),
  }),
  clock: v.variant('continues', [
    v.strictObject({ continues: v.literal(true) }),
    v.strictObject({ continues: v.literal(false), reason: v.string() }),
  ]),
  agent: v.nullable(v.strictObject({ callbacks: v.picklist(['auto', 'on', 'off']), frozen: words })),
  refusals: v.array(v.strictObject({ object: v.string(), reason: v.string() })),
  warnings: words,
  runCommand: v.string(),
});

const spread = v.pipe(
  v.strictObject({ min: positive, median: positive, max: positive }),
  v.check(({ min, median, max }) => min <= median && median <= max, 'min <= median <= max'),
);
const memory = { rssBytes: size, pssBytes: size, privateDirtyBytes: size };
const coldSeries = v.strictObject({ readyMs: spread, totalMs: spread, ...memory });

const machine = v.strictObject({ kernel: v.string(), cpu: v.string(), cores: positive, memoryBytes: positive, engine: v.string() });

const benchEntries = {
  schema: v.literal('crac-build/bench/1'),
  image: v.string(),
  restorer,
  mode,
  runs: positive,
  cold: coldSeries,
  coldBase: v.nullable(coldSeries),
  restored: v.strictObject({ readyMs: spread, restoreMs: spread, totalMs: spread, ...memory }),
  ratio: positive,
  bytes: layerSizes,
  fellBack: size,
  machine,
};

/** Described in docs/benchmarks.md. */
export const benchSchema = v.strictObject(benchEntries);

/** With --page-cache=cold and --replicas. */
export const comparisonSchema = v.strictObject({
  schema: v.literal('crac-build/bench-compare/1'),
  images: v.array(
    v.strictObject({
      ...benchEntries,
      pageCache: v.literal('cold'),
      replicas: v.strictObject({
        count: positive,
        allReadyMs: spread,
        sum: v.strictObject(memory),
        each: v.strictObject({ rssBytes: spread, pssBytes: spread, privateDirtyBytes: spread }),
        fellBack: size,
      }),
    }),
  ),
  machine,
});

/** Standard output that is one JSON object of this form, and nothing else. */
export function readJson<T>(schema: v.GenericSchema<unknown, T>, text: string): T {
  return v.parse(schema, JSON.parse(text));
}
