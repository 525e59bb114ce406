/** Records for property tests: any that `encodeRecord` takes. */
import fc from 'fast-check';
import { cpuWordSources } from '../../../../images/record/cpu.js';
import type { CarriedFile, RecordedFile, RestoreRecord } from '../../../../images/record/record.js';

const plain = { noNullPrototype: true } as const;
const u32 = fc.nat(0xffffffff);
const u64 = fc.bigInt({ min: 0n, max: (1n << 64n) - 1n });
const i64 = fc.bigInt({ min: -(1n << 63n), max: (1n << 63n) - 1n });
const pid = fc.integer({ min: 2, max: 4194304 });
const text = fc.string({ unit: 'binary', maxLength: 20 }).filter((value) => !value.includes('\0'));
const name = text.filter((value) => value !== '' && !value.includes('='));
const part = text.filter((value) => value !== '' && value !== '.' && value !== '..' && !value.includes('/'));
const relative = fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'));
const absolute = relative.map((path) => `/${path}`);

const recordedFile: fc.Arbitrary<RecordedFile> = fc.record(
  {
    path: absolute,
    use: fc.constantFrom('append', 'other'),
    sizeBytes: u64,
    mtimeSeconds: i64,
    carried: fc.boolean(),
  },
  plain,
);

const owner = { path: absolute, mode: fc.nat(0o7777), uid: u32, gid: u32, mtimeSeconds: i64 };
const carriedFile: fc.Arbitrary<CarriedFile> = fc.oneof(
  fc.record(
    { ...owner, type: fc.constant('directory'), content: fc.constant(0), target: fc.constant(''), refresh: fc.constant(false) },
    plain,
  ),
  fc.record({ ...owner, type: fc.constant('file'), content: u32, target: fc.constant(''), refresh: fc.boolean() }, plain),
  fc.record(
    {
      ...owner,
      type: fc.constant('symlink'),
      content: fc.constant(0),
      target: text.filter((value) => value !== ''),
      refresh: fc.constant(false),
    },
    plain,
  ),
);

const several = <T>(element: fc.Arbitrary<T>): fc.Arbitrary<T[]> => fc.array(element, { maxLength: 4 });

const fields = {
  restorer: fc.constant<'criu' | 'tape'>('criu'),
  mode: fc.constantFrom<'read' | 'mmap' | 'lazy' | 'none'>('read', 'mmap', 'lazy'),
  fallback: fc.constantFrom<'cold' | 'fail'>('cold', 'fail'),
  deadlineMs: fc.integer({ min: 1, max: 0xffffffff }),
  argv: fc.array(text, { minLength: 1, maxLength: 4 }),
  cwd: fc.oneof(absolute, fc.constant('/')),
  uid: u32,
  gid: u32,
  environment: several(fc.record({ name, valueHash: u64 }, plain)),
  secretNames: several(name),
  ignoredEnvironment: several(name),
  cpuWords: fc.array(u64, { maxLength: cpuWordSources.length }),
  cpuVendor: text,
  xcr0: u64,
  boundAtStart: fc.boolean(),
  monotonicNs: u64,
  boottimeNs: u64,
  memoryBytes: u64,
  mostMemoryBytes: u64,
  processors: u64,
  pid,
  tids: several(pid),
  effectiveCapabilities: u64,
  streamPipeIds: fc.tuple(u32, u32, u32),
  files: several(recordedFile),
  carried: several(carriedFile),
  checkpointFiles: several(fc.record({ name: relative, sizeBytes: u64 }, plain)),
  prefetch: several(fc.record({ path: absolute, offset: u64, sizeBytes: u64 }, plain)),
  privateVariant: fc.boolean(),
};

const groups = fc.array(u32, { maxLength: 4 }).map((ids) => ids.toSorted((a, b) => a - b));

const store = fc.record(
  {
    sizeBytes: fc.bigInt(1n, (1n << 51n) - 1n).map((pages) => pages * 4096n),
    sha256: fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes).toString('hex')),
  },
  plain,
);
const resumeSignal = fc.record({ signal: fc.integer({ min: 1, max: 64 }), value: u32 }, plain);
const kernel = fc.record({ name: text.filter((value) => value !== ''), capabilities: u64 }, plain);

const agent = fc.record({ frozenEnvironment: several(name), monotonicNs: u64, realtimeNs: u64 }, plain);

export const anyRecord: fc.Arbitrary<RestoreRecord> = fc.oneof(
  fc.record(fields, plain),
  fc.record({ ...fields, groups }, plain),
  fc.record({ ...fields, groups, agent }, plain),
  fc.record({ ...fields, store, kernel, resumeSignal }, plain),
  fc.record({ ...fields, restorer: fc.constant('tape'), mode: fc.constant('none'), store }, plain),
);
