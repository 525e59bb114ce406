import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import { PAGE_BYTES, PROT, VMA } from '../../../../images/criu/flags.js';
import { entriesOf } from '../../../../images/criu/directory.js';
import { fileEntry } from '../../../../images/criu/messages/file.js';
import { writePages } from '../../../../images/pages/write.js';
import type { Context } from '../../../../images/tape/compile/input.js';
import { compileMemory } from '../../../../images/tape/compile/memory.js';
import { Refusals } from '../../../../images/tape/compile/refusals.js';
import { advice } from '../../../../images/tape/calls.js';
import { DataReader } from '../../../../images/tape/data-reader.js';
import type { Step } from '../../../../images/tape/tape.js';
import { TapeWriter } from '../../../../images/tape/writer.js';
import { anyFakes, makeDump, pid, restoredMemory, type Dump, type FakeVma } from '../pages/dump.js';

const files = { store: '/store', copies: '/copies', images: '/images' };

interface Page {
  content: string;
  protection: bigint;
}

/** What memory is after the steps; each page in it is mapped once. */
function playMemory(steps: readonly Step[], data: Uint8Array, contents: ReadonlyMap<string, Buffer>): ReadonlyMap<number, Page> {
  const reader = new DataReader(data);
  const memory = new Map<number, Page>();
  const open = new Map<bigint, string>();
  const pageOf = (path: string, offset: number): string => {
    const content = contents.get(path);
    return content === undefined ? `file ${offset}` : content.subarray(offset, offset + PAGE_BYTES).toString('latin1');
  };
  const eachPage = (args: readonly bigint[], act: (address: number, offset: number) => void): void => {
    const [start = 0n, size = 0n] = args;
    for (let at = 0; at < Number(size); at += PAGE_BYTES) act(Number(start) + at, at);
  };
  for (const { call, arguments: args, want } of steps) {
    const [a = 0n, b = 0n, c = 0n, d = 0n, e = 0n, f = 0n] = args;
    if (call === 'open') open.set(want, reader.path(b));
    if (call === 'close') open.delete(a);
    if (call === 'seek' && c === 2n) {
      const content = contents.get(open.get(a) ?? '');
      if (content !== undefined) assert.equal(Number(want), content.length);
    }
    if (call === 'mapAnonymous' || call === 'mapPrivate') {
      eachPage(args, (address, at) => {
        assert.ok(!memory.has(address), `0x${address.toString(16)} is mapped twice`);
        const content = call === 'mapAnonymous' ? '\0'.repeat(PAGE_BYTES) : pageOf(open.get(e) ?? '', Number(f) + at);
        memory.set(address, { content, protection: c });
      });
    }
    if (call === 'protect') {
      eachPage(args, (address) => {
        const page = memory.get(address);
        assert.ok(page !== undefined);
        page.protection = c;
      });
    }
    if (call === 'read') {
      let position = Number(d);
      for (const { address, sizeBytes } of reader.vectors(b, c)) {
        for (let at = 0; at < Number(sizeBytes); at += PAGE_BYTES) {
          const page = memory.get(Number(address) + at);
          assert.ok(page !== undefined && (page.protection & BigInt(PROT.WRITE)) !== 0n, 'it is read into what cannot be written');
          page.content = pageOf(open.get(a) ?? '', position);
          position += PAGE_BYTES;
        }
      }
      assert.equal(position - Number(d), Number(want));
    }
  }
  assert.equal(open.size, 0);
  return memory;
}

async function contextOf(dump: Dump, directory: string, prot: number | undefined): Promise<Context> {
  const input = { directory: dump.directory, set: dump.set, processes: [dump.process], knowledge: new Map() };
  const written = await writePages(
    { ...input, storePath: join(directory, 'store'), copiesDirectory: directory },
    new AbortController().signal,
  );
  const { memory } = dump.process;
  assert.ok(memory !== undefined);
  const change = <T extends { readonly prot: number }>(vma: T): T => (prot === undefined ? vma : { ...vma, prot });
  const plan = {
    ...written.plan,
    processes: written.plan.processes.map((one) => ({
      ...one,
      vmas: one.vmas.map((planned) => ({ ...planned, vma: change(planned.vma) })),
    })),
  };
  const unused = undefined as never;
  return {
    input: { set: dump.set, checkpoint: unused, plan, vdso: unused, files, streamPipeIds: [0, 0, 0], carried: new Map() },
    process: {
      pid,
      view: dump.process,
      memory: { ...memory, vmas: memory.vmas.map(change) },
      threads: [],
      files: new Map(entriesOf(dump.set, 'FILES', fileEntry, 'files.img').map((file) => [file.id, file])),
      deleted: new Map(),
      open: new Map(),
      memfds: new Map(),
    },
    writer: new TapeWriter(),
    refusals: new Refusals(),
  };
}

const memfds = { placed: new Set<number>(), descriptorOf: () => undefined, isOne: () => false, finish: () => undefined };

test('memory is what it was, with its protection, and no mapping is made over another', async (t) => {
  await fc.assert(
    fc.asyncProperty(anyFakes, fc.constantFrom(undefined, PROT.READ, PROT.READ | PROT.EXEC, 0), async (fakes: readonly FakeVma[], prot) => {
      const dump = await makeDump(
        fakes.filter(({ kind }) => kind !== 'shared').length === 0 ? [{ kind: 'file', pages: [1], gap: 0 }] : fakes,
      );
      const directory = await mkdtemp(join(tmpdir(), 'crac-build-test-'));
      try {
        const context = await contextOf(dump, directory, prot);
        compileMemory(context, memfds);
        const contents = new Map([
          ['/store', await readFile(join(directory, 'store'))],
          ['/copies', await readFile(join(directory, 'pages-1.img'))],
        ]);
        const played = playMemory(context.writer.steps, context.writer.data(), contents);
        const expected = await restoredMemory(dump.set, {
          pages: join(dump.directory, 'pages-1.img'),
          store: undefined,
          storeName: '/store',
        });
        const shared = (dump.process.memory?.vmas ?? []).filter(({ status }) => (status & VMA.ANON_SHARED) !== 0);
        assert.equal(context.refusals.list.length, shared.length);
        for (const [address, content] of expected) {
          if (shared.some(({ start, end }) => BigInt(address) >= start && BigInt(address) < end)) continue;
          const page = played.get(address);
          assert.ok(page?.content === content, `0x${address.toString(16)} differs`);
          assert.equal(page.protection, BigInt(prot ?? PROT.READ | PROT.WRITE));
        }
        const sharedPages = shared.reduce((sum, { start, end }) => sum + Number(end - start) / PAGE_BYTES, 0);
        assert.equal(played.size, expected.size - sharedPages);
      } finally {
        await dump.remove();
        await rm(directory, { recursive: true, force: true });
      }
    }),
    { numRuns: 60 },
  );
  t.pass();
});

test('for a watched restore, all that is mapped from the store is read page by page', async (t) => {
  const dump = await makeDump([
    { kind: 'anonymous', pages: [1, 1, 1, 1, 0, 0, 1, 1, 1, 1], gap: 0 },
    { kind: 'anonymous', pages: [1, 1, 1, 1, 1, 1], gap: 1 },
  ]);
  const directory = await mkdtemp(join(tmpdir(), 'crac-build-test-'));
  try {
    const context = await contextOf(dump, directory, undefined);
    const covered = (readPagesAlone: boolean): readonly [mapped: number, advised: number] => {
      const writer = new TapeWriter();
      compileMemory({ ...context, writer, input: { ...context.input, readPagesAlone } }, memfds);
      const { steps } = writer;
      const bytes = (some: readonly Step[]): number => some.reduce((sum, { arguments: [, size] }) => sum + Number(size ?? 0n), 0);
      const advised = steps.filter(({ call, arguments: [, , which] }) => call === 'advise' && which === BigInt(advice.random));
      return [bytes(steps.filter(({ call }) => call === 'mapPrivate')), bytes(advised)];
    };
    const [mapped, advised] = covered(true);
    t.true(mapped > 0);
    t.is(advised, mapped);
    t.deepEqual(covered(false), [mapped, 0]);
  } finally {
    await dump.remove();
    await rm(directory, { recursive: true, force: true });
  }
});
