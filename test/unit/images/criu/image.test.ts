import { readFileSync, writeFileSync } from 'node:fs';

import test from 'ava';
import fc from 'fast-check';

import { describeImage } from '../../../../images/criu/describe.js';
import { decodeImage, decodeImageOf, encodeImage, mapEntries, readEntries } from '../../../../images/criu/image.js';
import { imageTypes, type ImageTypeName } from '../../../../images/criu/magic.js';
import { ghostChunkEntry, ghostFileEntry, pipeDataEntry } from '../../../../images/criu/messages/file.js';
import { bpfmapDataEntry, ipcMsg, ipcMsgEntry, ipcSemEntry, ipcShmEntry } from '../../../../images/criu/messages/memory.js';
import { tcpStreamEntry } from '../../../../images/criu/messages/socket.js';
import { pstreeEntry } from '../../../../images/criu/messages/task.js';
import { makeMessage } from '../../../../images/criu/schema.js';
import { FormatError } from '../../../../images/errors.js';
import { goldenListing, objectFiles } from './fixtures.js';

const word = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};
const framed = (message: Uint8Array, payload: Uint8Array = Buffer.alloc(0)): Buffer =>
  Buffer.concat([word(message.length), message, payload]);
const imageOf = (type: ImageTypeName, ...parts: readonly Uint8Array[]): Buffer =>
  Buffer.concat([word(0x54564319), word(imageTypes[type].magic), ...parts]);

for (const [name, content] of objectFiles) {
  test(`${name} of a real dump is written as it was read`, (t) => {
    const image = decodeImage(content, name);
    t.is(image.kind, 'entries');
    t.deepEqual(Buffer.from(encodeImage(image)), content);
  });
}

test('the listing of a real dump is the golden one', (t) => {
  const listing = objectFiles.map(([name, content]) => describeImage(decodeImage(content, name), name)).join('\n');
  if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(goldenListing, listing);
  t.is(listing, readFileSync(goldenListing, 'utf8'));
});

test('no field of a real dump is unknown to the tables', (t) => {
  t.notRegex(readFileSync(goldenListing, 'utf8'), /\?[0-9]+: /u);
});

const desc = Buffer.from('0800100018002000280030003800', 'hex');
const chunked = makeMessage(ghostFileEntry, { uid: 0, gid: 0, mode: 0o100644, chunks: true, size: 9000n });
const tcp = { inqSeq: 1, outqSeq: 2, optMask: 0, sndWscale: 7, mssClamp: 1460 };
const text = (size: number): Buffer => Buffer.alloc(size, 'z');
const queued = (size: number): Buffer => framed(makeMessage(ipcMsg, { mtype: 1n, msize: size }), text(Math.ceil(size / 8) * 8));
const payloads: readonly { readonly name: string; readonly content: Buffer; readonly sizes: readonly number[] }[] = [
  {
    name: 'pipes',
    content: imageOf('PIPES_DATA', ...[5, 0, 7].map((size) => framed(makeMessage(pipeDataEntry, { pipeId: 1, bytes: size }), text(size)))),
    sizes: [5, 0, 7],
  },
  {
    name: 'a ghost file in chunks',
    content: imageOf(
      'GHOST_FILE',
      framed(chunked),
      ...[3, 4].map((size) => framed(makeMessage(ghostChunkEntry, { len: BigInt(size), off: 0n }), text(size))),
    ),
    sizes: [0, 3, 4],
  },
  {
    name: 'a ghost file in one piece',
    content: imageOf('GHOST_FILE', framed(makeMessage(ghostFileEntry, { uid: 0, gid: 0, mode: 0o100644 }), text(1234))),
    sizes: [1234],
  },
  {
    name: 'a TCP stream',
    content: imageOf('TCP_STREAM', framed(makeMessage(tcpStreamEntry, { ...tcp, inqLen: 3, outqLen: 9 }), text(12))),
    sizes: [12],
  },
  {
    name: 'a BPF map',
    content: imageOf('BPFMAP_DATA', framed(makeMessage(bpfmapDataEntry, { mapId: 1, keysBytes: 8, valuesBytes: 16, count: 2 }), text(24))),
    sizes: [24],
  },
  {
    name: 'semaphores, padded',
    content: imageOf('IPCNS_SEM', framed(makeMessage(ipcSemEntry, { desc, nsems: 5 }), text(16))),
    sizes: [16],
  },
  {
    name: 'segments, padded or in pagemaps',
    content: imageOf(
      'IPCNS_SHM',
      framed(makeMessage(ipcShmEntry, { desc, size: 5n }), text(8)),
      framed(makeMessage(ipcShmEntry, { desc, size: 4096n, inPagemaps: true })),
    ),
    sizes: [8, 0],
  },
  {
    name: 'message queues',
    content: imageOf(
      'IPCNS_MSG',
      framed(makeMessage(ipcMsgEntry, { desc, qbytes: 99, qnum: 2 }), Buffer.concat([queued(3), queued(16)])),
      framed(makeMessage(ipcMsgEntry, { desc, qbytes: 99, qnum: 0 })),
    ),
    sizes: [queued(3).length + queued(16).length, 0],
  },
];
for (const { name, content, sizes } of payloads) {
  test(`payloads: ${name}`, (t) => {
    const image = decodeImage(content, 'any.img');
    t.true(image.kind === 'entries');
    if (image.kind !== 'entries') return;
    t.deepEqual(
      image.entries.map((entry) => entry.payload.length),
      sizes,
    );
    t.deepEqual(Buffer.from(encodeImage(image)), content);
    if (name !== 'a ghost file in one piece') t.throws(() => decodeImage(content.subarray(0, -1), 'any.img'), { instanceOf: FormatError });
  });
}

test('images of version 1.0 have the type alone', (t) => {
  const content = Buffer.concat([
    word(imageTypes.PSTREE.magic),
    framed(makeMessage(pstreeEntry, { pid: 1, ppid: 0, pgid: 1, sid: 1, threads: [1] })),
  ]);
  const image = decodeImageOf('PSTREE', content, 'pstree.img');
  t.is(image.prefix, 'none');
  t.is(readEntries(image, pstreeEntry, 'pstree.img')[0]?.pid, 1);
  t.deepEqual(Buffer.from(encodeImage(image)), content);
});

test('raw files are told by their names and kept', (t) => {
  const content = Buffer.from('anything');
  for (const name of ['pages-1.img', 'tmpfs-3.tar.gz.img', 'iptables-2.img'])
    t.deepEqual(decodeImage(content, name), { kind: 'raw', content });
  t.is(describeImage(decodeImage(content, 'pages-1.img'), 'pages-1.img'), 'pages-1.img: raw, 8 bytes\n');
});

test('what is no image is refused with what was found', (t) => {
  t.throws(() => decodeImage(Buffer.from('hello, world'), 'core-1.img'), {
    instanceOf: FormatError,
    message: /unknown magic number 0x6c6c6568/u,
  });
  t.throws(() => decodeImage(Buffer.alloc(0), 'core-1.img'), { instanceOf: FormatError, message: /core-1\.img is cut off/u });
  t.throws(() => decodeImage(imageOf('MM', word(5), text(4)), 'mm-1.img'), { message: /entry 0 of mm-1\.img is cut off \(at byte 8\)/u });
  t.throws(() => decodeImageOf('MM', imageOf('CORE'), 'mm-1.img'), { message: 'mm-1.img is no MM image but CORE' });
});

test('entries are dropped with their payloads', (t) => {
  const content = payloads[0]?.content ?? Buffer.alloc(0);
  const image = decodeImageOf('PIPES_DATA', content, 'pipes-data.img');
  const rest = mapEntries(image, (message, i) => (i === 0 ? undefined : message));
  t.deepEqual(
    rest.entries.map((entry) => entry.payload.length),
    [0, 7],
  );
});

const readable = (bytes: Uint8Array, name: string): void => {
  try {
    const image = decodeImage(bytes, name);
    if (!Buffer.from(encodeImage(image)).equals(bytes)) throw new Error(`${name} is not written as it was read`);
    describeImage(image, name);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
  }
};

test('real files with bits flipped or cut off are refused with a FormatError or come back as they are', (t) => {
  fc.assert(
    fc.property(
      fc.constantFrom(...objectFiles),
      fc.array(fc.nat(), { maxLength: 4 }),
      fc.nat(),
      fc.boolean(),
      ([name, content], flips, cut, doCut) => {
        const bytes = Buffer.from(content);
        for (const flip of flips)
          bytes.writeUInt8(bytes.readUInt8((flip >> 3) % bytes.length) ^ (1 << (flip & 7)), (flip >> 3) % bytes.length);
        readable(doCut ? bytes.subarray(0, cut % bytes.length) : bytes, name);
      },
    ),
    { numRuns: 500 },
  );
  t.pass();
});

test('any bytes behind any magic are refused with a FormatError or come back as they are', (t) => {
  const types = Object.keys(imageTypes) as ImageTypeName[];
  fc.assert(
    fc.property(fc.constantFrom(...types), fc.uint8Array({ maxLength: 100 }), (type, bytes) => {
      readable(imageOf(type, bytes), 'any.img');
      readable(imageOf(type, framed(bytes)), 'any.img');
      readable(bytes, 'any.img');
    }),
    { numRuns: 500 },
  );
  t.pass();
});
