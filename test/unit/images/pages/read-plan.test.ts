import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import fc from 'fast-check';
import { PAGE_BYTES } from '../../../../images/criu/flags.js';
import { FormatError } from '../../../../images/errors.js';
import { readPlanned } from '../../../../images/pages/read-plan.js';
import { writePages } from '../../../../images/pages/write.js';
import { anyFakes, makeDump, page, type FakeVma } from './dump.js';

const never = new AbortController().signal;

/** Memory by address, as the plan of a dump has it in store and copies. */
async function planned(fakes: readonly FakeVma[], withStore: boolean): Promise<ReadonlyMap<number, string>> {
  const dump = await makeDump(fakes);
  try {
    const copiesDirectory = join(dump.directory, 'copies');
    await mkdir(copiesDirectory);
    const store = withStore ? join(dump.directory, 'store') : undefined;
    const { plan } = await writePages(
      { directory: dump.directory, set: dump.set, processes: [dump.process], knowledge: new Map(), storePath: store, copiesDirectory },
      never,
    );
    const memory = new Map<number, string>();
    let last = -1;
    for (const process of plan.processes) {
      for await (const { address, bytes } of readPlanned(process, { store, copiesDirectory }, never)) {
        if (address < last) throw new Error('out of order');
        last = address + bytes.length;
        for (let at = 0; at < bytes.length; at += PAGE_BYTES) memory.set(address + at, bytes.toString('latin1', at, at + PAGE_BYTES));
      }
    }
    return memory;
  } finally {
    await dump.remove();
  }
}

const base = 0x7000_0000_0000;
const zero = page(0).toString('latin1');

test('every page that is not zero is read, at its address, with a store and without', async (t) => {
  await fc.assert(
    fc.asyncProperty(anyFakes, fc.boolean(), async (fakes, withStore) => {
      const memory = await planned(fakes, withStore);
      let address = base;
      for (const fake of fakes) {
        address += fake.gap * PAGE_BYTES;
        for (const value of fake.pages) {
          if (value !== undefined && value !== 0) t.is(memory.get(address), page(value).toString('latin1'));
          else if (memory.has(address)) t.is(memory.get(address), zero);
          address += PAGE_BYTES;
        }
      }
    }),
    { numRuns: 40 },
  );
});

test('a plan with a store that is not there, or is too short', async (t) => {
  const vma = {} as never;
  const process = (offset: number) => ({
    pid: 1,
    pagesId: 1,
    vmas: [
      {
        vma,
        range: { start: base, end: base + PAGE_BYTES },
        kept: undefined,
        ranges: [{ source: 'store', start: base, end: base + PAGE_BYTES, offset } as const],
      },
    ],
  });
  const read = async (offset: number, store: string | undefined): Promise<void> => {
    for await (const piece of readPlanned(process(offset), { store, copiesDirectory: '/nowhere' }, never)) t.truthy(piece);
  };
  await t.throwsAsync(read(0, undefined), { instanceOf: FormatError });
  await t.throwsAsync(read(2 ** 40, fileURLToPath(import.meta.url)), { instanceOf: FormatError, message: /cut off/ });
});
