/** The example with one thing wrong, for the tests of both readers. */
import { placeFields, type Struct } from '../../../../images/record/layout.js';
import { headerStruct, threadStruct } from '../../../../images/tape/layout.js';
import { placeTables, type Step, type Tape } from '../../../../images/tape/tape.js';
import { exampleTape } from './example.js';

const offsetOf = (name: string, struct: Struct = headerStruct): number => {
  const field = placeFields(struct).find((placed) => placed.name === name);
  if (field === undefined) throw new Error(`no field ${name}`);
  return field.offset;
};

/** The example with one step changed; the first of that call. */
function withStep(call: Step['call'], change: (step: Step) => Partial<Step>, tape = exampleTape): Tape {
  const index = tape.steps.findIndex((step) => step.call === call);
  return { ...tape, steps: tape.steps.map((step, i) => (i === index ? { ...step, ...change(step) } : step)) };
}

const argument =
  (at: number, value: bigint) =>
  (step: Step): Partial<Step> => ({
    arguments: step.arguments.map((old, i) => (i === at ? value : old)),
  });

const withoutStep = (call: Step['call']): Tape => ({ ...exampleTape, steps: exampleTape.steps.filter((step) => step.call !== call) });

/** The example with another path to open. */
export function withPath(path: string): Tape {
  const data = Buffer.concat([exampleTape.data, Buffer.from(`\0${path}\0`)]);
  return withStep('open', argument(1, BigInt(exampleTape.data.length + 1)), { ...exampleTape, data });
}

const withThread = (change: Partial<Tape['threads'][number]>): Tape => {
  const [first, ...others] = exampleTape.threads;
  if (first === undefined) throw new Error('no thread');
  return { ...exampleTape, threads: [{ ...first, ...change }, ...others] };
};

const nameOfThread = placeTables(exampleTape).placed.threads.offset + offsetOf('name', threadStruct);

/** What is wrong, how the bytes of the example come to it, what is said of it. */
export const brokenBytes: readonly (readonly [name: string, change: (bytes: Buffer) => unknown, message: RegExp])[] = [
  ['another magic', (bytes) => bytes.write('X'), /^magic: /],
  ['a later version', (bytes) => bytes.writeUInt32LE(2, 8), /^version: version 2/],
  ['unknown features', (bytes) => bytes.writeUInt32LE(1, 12), /^features: /],
  ['a wrong size', (bytes) => bytes.writeUInt32LE(bytes.length + 8, 16), /^size: /],
  ['another machine', (bytes) => bytes.writeUInt32LE(183, offsetOf('machine')), /^value: machine 183/],
  ['a moved table', (bytes) => bytes.writeUInt32LE(8, offsetOf('steps')), /^table: steps begins at 8/],
  ['a table too long', (bytes) => bytes.writeUInt32LE(0xffffffff, offsetOf('steps') + 4), /^table: steps ends behind/],
  ['a name without end', (bytes) => bytes.fill(0x61, nameOfThread, nameOfThread + 16), /^value: a name/],
  ['a hole too small', (bytes) => bytes.writeBigUInt64LE(4096n, offsetOf('holeBytes')), /^hole: /],
  ['a hole below crac-init', (bytes) => bytes.writeBigUInt64LE(0x400000n, offsetOf('hole')), /^hole: /],
  ['a hole in the memory', (bytes) => bytes.writeBigUInt64LE(0x7000_0000_0000n - 0x1000n, offsetOf('hole')), /^(?:thread|argument): /],
  ['a vDSO outside of the data', (bytes) => bytes.writeUInt32LE(0x7ffffff0, offsetOf('vdsoCopy')), /^vdso: the copy/],
  ['a missing component', (bytes) => bytes.writeBigUInt64LE(0n, offsetOf('stateRequired')), /^thread: required/],
  ['a generation page that is not mapped', (bytes) => bytes.writeBigUInt64LE(0x1000n, offsetOf('generationPage')), /^memory: /],
];

const paths = ['relative', '/a/../b', '/a/./b', '/a//b', '/..', '/a/', '', '/a/..', `/${'a'.repeat(4096)}`];

/** What is wrong, the tape, what is said of it. */
export const brokenTapes: readonly (readonly [name: string, tape: Tape, message: RegExp])[] = [
  ...paths.map((path) => [`the path ${path.slice(0, 20)}`, withPath(path), /^argument: no (?:clean path|text)/] as const),
  ['a text within another', withStep('open', (step) => argument(1, (step.arguments[1] ?? 0n) + 12n)(step)), /^argument: no text/],
  ['creating a file', withStep('open', argument(2, 0o100n)), /^argument: 2 /],
  ['a wrong fixed argument', withStep('open', argument(0, 5n)), /^argument: 0 /],
  ['mapping into the hole', withStep('mapAnonymous', argument(0, 0x1000_0000n)), /^argument: 0 /],
  ['mapping over the vDSO', withStep('mapAnonymous', argument(0, 0x7fff_0000_5000n)), /^argument: 0 /],
  ['mapping beyond user space', withStep('mapAnonymous', argument(0, 0x7fff_ffff_e000n)), /^argument: 0 /],
  ['a length of nothing', withStep('mapAnonymous', argument(1, 0n)), /^argument: /],
  ['a length that runs over', withStep('mapAnonymous', argument(1, (1n << 64n) - 0x1000n)), /^argument: /],
  ['mapping without MAP_FIXED_NOREPLACE', withStep('mapAnonymous', argument(3, 0x22n)), /^argument: 3 /],
  ['mapping over a mapping', withStep('mapPrivate', argument(0, 0x7000_0000_2000n)), /^memory: .* mapped twice/],
  ['reading over the end of a mapping', withStep('mapAnonymous', argument(1, 0x1000n)), /^memory: .* not mapped/],
  ['a read that may be short', withStep('read', () => ({ check: 'notNegative', want: 0n })), /^memory: a part/],
  ['sharing over what is not mapped', withStep('mapSharedOver', argument(0, 0x7100_0000_0000n)), /^memory: it is not mapped/],
  ['a wrong number', withStep('socket', () => ({ want: 17n })), /^descriptor: 17 is wanted/],
  ['a number that is not looked at', withStep('socket', () => ({ check: 'ignore', want: 0n })), /^descriptor: its number/],
  ['a closed descriptor', withStep('seek', argument(0, 8n)), /^descriptor: 8 is not open/],
  ['a descriptor beyond the limit', withStep('seek', argument(0, 0xffffffffn)), /^argument: 0 /],
  ['descriptors that depend on the way', withStep('duplicate', () => ({ skipOnFailure: 1 })), /^descriptor: open ones depend/],
  ['a skip behind the end', withStep('listen', () => ({ skipOnFailure: 255 })), /^order: leads behind/],
  ['leaving out a mapping', withStep('seek', () => ({ skipOnFailure: 1 })), /^order: left out/],
  ['a skip after what is ignored', withStep('listen', () => ({ check: 'ignore', skipOnSuccess: 1 })), /^order: nothing may/],
  ['a result that is not looked at', withStep('go', () => ({ want: 1n })), /^call: /],
  ['a tape without an end', withoutStep('go'), /^order: there is no step/],
  ['a tape without its beginning', withoutStep('clear'), /^order: the beginning/],
  ['work behind the end', { ...exampleTape, steps: [...exampleTape.steps, ...exampleTape.steps.slice(-2)] }, /^order: behind/],
  ['an unknown option', withStep('socketOption', argument(2, 26n)), /^argument: 1 /],
  ['an option of another size', withStep('socketOption', argument(4, 8n)), /^argument: 1 /],
  ['a path as the address of a socket', withStep('bind', argument(2, 8n)), /^argument: no address/],
  ['an action for SIGKILL', withStep('signalAction', argument(0, 9n)), /^argument: a signal/],
  ['an action for SIGSTOP', withStep('signalAction', argument(0, 19n)), /^argument: a signal/],
  ['work ahead that is waited for', withStep('populate', () => ({ check: 'equal' })), /^order: /],
  ['work ahead of memory that is not mapped', withStep('mapAnonymous', argument(0, 0x7000_0004_0000n)), /^memory: /],
  ['work ahead before the threads run', withStep('listen', () => ({ call: 'populate', check: 'ignore' })), /^order: before/],
  ['writing into a file', withStep('listen', () => ({ call: 'write', arguments: [5n, 8n, 1n, 0n, 0n, 0n] })), /^descriptor: 5 is no pipe/],
  ['a first thread that is not the process', { ...exampleTape, pid: 41 }, /^thread: the first/],
  ['threads out of order', withThread({ tid: 42 }), /^thread: ID 42 after 42/],
  ['a thread that goes on in the hole', withThread({ registers: Array<bigint>(18).fill(0x1000_0000n) }), /^thread: 40 goes on/],
  ['privileged flags', withThread({ registers: Array<bigint>(18).fill(0x3246n) }), /^thread: 40: flags register/],
  ['components that are not those of the state', withThread({ state: 3n }), /^thread: 40: components/],
  ['registers outside of the data', withThread({ legacy: 1 << 30 }), /^thread: 40: registers/],
];
