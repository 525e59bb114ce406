/** Searches the recorded dump of test/fixtures/criu, with memory that is made up. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { CracError } from '../../../../builder/errors.js';
import type { BuildEvent } from '../../../../builder/events.js';
import { refuseExposedSecrets, type SearchedPlaces } from '../../../../builder/step/exposed.js';
import type { Secret, Secrets } from '../../../../builder/step/secrets.js';
import { viewCheckpoint } from '../../../../images/criu/checkpoint.js';
import { PAGE_BYTES } from '../../../../images/criu/flags.js';
import type { PlannedRange } from '../../../../images/pages/plan.js';
import { completeObjects } from '../../images/criu/fixtures.js';

const never = new AbortController().signal;
const checkpoint = viewCheckpoint(completeObjects);
const [root] = checkpoint.processes;
const stack = root?.memory?.vmas.find(
  ({ start, end }) => start <= (root.memory?.mm.mmEnvStart ?? 0n) && (root.memory?.mm.mmEnvStart ?? 0n) < end,
);
const environmentStart = Number(root?.memory?.mm.mmEnvStart ?? 0n);

interface World {
  readonly places: SearchedPlaces;
  /** Pages of process 40 from an address on. */
  readonly memory: { readonly address: number; readonly bytes: Buffer };
  readonly carried: readonly { readonly path: string; readonly text: string }[];
}

async function world(t: ExecutionContext, more: Partial<Omit<World, 'places'>> = {}): Promise<World> {
  const directory = await mkdtemp(join(tmpdir(), 'exposed-'));
  t.teardown(() => rm(directory, { recursive: true }));
  const places = { images: directory, checkpoint: directory, store: join(directory, 'store'), copies: join(directory, 'copies') };
  const found = { places, memory: { address: Number(stack?.start ?? 0n), bytes: Buffer.alloc(PAGE_BYTES) }, carried: [], ...more };
  await mkdir(places.copies);
  await mkdir(join(directory, 'carry'));
  const memfd = Buffer.alloc(PAGE_BYTES);
  memfd.write('bytes of a memfd', 1000);
  await writeFile(join(directory, 'pages-2.img'), memfd);
  for (const [at, { text }] of found.carried.entries()) await writeFile(join(directory, 'carry', String(at)), text);
  // Every second page is in the store, from its end to its beginning: what is contiguous in memory is nowhere so in files.
  const pages = found.memory.bytes.length / PAGE_BYTES;
  const pagesOf = (rest: number): readonly Buffer[] =>
    Array.from({ length: pages }, (_, at) => found.memory.bytes.subarray(at * PAGE_BYTES, (at + 1) * PAGE_BYTES)).filter(
      (_, at) => at % 2 === rest,
    );
  await writeFile(places.copies + '/pages-3.img', Buffer.concat(pagesOf(0)));
  await writeFile(places.store, Buffer.concat([...pagesOf(1)].reverse()));
  return found;
}

/** Runs the search; gives the events, or the error. */
async function search(secrets: Secrets, { places, memory, carried }: World): Promise<{ events: readonly BuildEvent[]; error?: CracError }> {
  const pages = memory.bytes.length / PAGE_BYTES;
  const inStore = Math.floor(pages / 2);
  const ranges = Array.from({ length: pages }, (_, at): PlannedRange => {
    const start = memory.address + at * PAGE_BYTES;
    const source = at % 2 === 0 ? 'copy' : 'store';
    const index = Math.floor(at / 2);
    return { start, end: start + PAGE_BYTES, source, offset: (source === 'copy' ? index : inStore - 1 - index) * PAGE_BYTES };
  });
  const vma = stack;
  if (vma === undefined) throw new Error('the recorded dump has no stack');
  const vmas = [{ vma, range: { start: memory.address, end: memory.address + memory.bytes.length }, kept: undefined, ranges }];
  const plan = { processes: [{ pid: 40, pagesId: 3, vmas }], storeBytes: inStore * PAGE_BYTES, storeSha256: '' };
  const events: BuildEvent[] = [];
  const files = carried.map(({ path }, content) => ({
    entry: { path, type: 'file', mode: 0o600, uid: 0, gid: 0, mtimeSeconds: 0n, content, target: '', refresh: false } as const,
    source: path,
    sizeBytes: 1,
  }));
  try {
    await refuseExposedSecrets(
      secrets,
      { checkpoint, images: completeObjects, carried: files, filesLayer: undefined },
      { plan, knowledge: new Map() },
      (event) => events.push(event),
      never,
      places,
    );
  } catch (thrown) {
    if (!(thrown instanceof CracError)) throw thrown;
    return { events, error: thrown };
  }
  return { events };
}

const secret = (id: string, value: string, allowed = false): Secret => ({ id, value: Buffer.from(value), allowed });
const of = (...searched: readonly Secret[]): Secrets => ({ searched, short: [] });

/** The recorded dump has these texts where they are named. */
const queued: readonly (readonly [text: string, place: RegExp])[] = [
  ['bytes in a pipe', /^pipe \d+ \(descriptor \d+\)$/],
  ['queued stream bytes', /^queue of socket \d+ \(descriptor \d+\)$/],
  ['content of an unlinked file', /^deleted file \/srv\/ghost\.tmp \(descriptor \d+\)$/],
  ['bytes of a memfd', /^file in memory heap \(descriptor \d+\)$/],
  ['/srv/private-map', /^the dump's files\.img$/],
];

for (const [text, place] of queued) {
  test(`found: ${text}`, async (t) => {
    const { error } = await search(of(secret('id-of-it', text)), await world(t));
    t.is(error?.code, 'CRAC-SECRET-FOUND');
    const [, line = ''] = (error?.message ?? '').split('\n');
    const [, found = '', encoding = ''] = /^ {2}\| id-of-it: (.*): (.*)$/.exec(line) ?? [];
    t.regex(found, place);
    t.is(encoding, 'UTF-8');
    t.regex(error?.hint ?? '', /--allow-secret=id-of-it/);
  });
}

test('memory is searched in the order of addresses, whatever lies where in files', async (t) => {
  for (let before = 1; before < 20; before++) {
    const bytes = Buffer.alloc(6 * PAGE_BYTES);
    bytes.write('it-lies-across-borders', 3 * PAGE_BYTES - before, 'utf16le');
    const { error } = await search(
      of(secret('x', 'it-lies-across-borders')),
      await world(t, { memory: { address: Number(stack?.start ?? 0n), bytes } }),
    );
    t.regex(error?.message ?? '', /x: .* of process 40 \(objects\) 0x[0-9a-f]+-0x[0-9a-f]+: UTF-16$/);
  }
});

test('a value in the environment is told as that', async (t) => {
  const address = environmentStart - (environmentStart % PAGE_BYTES);
  const bytes = Buffer.alloc(PAGE_BYTES);
  bytes.write('TOKEN=of-the-environment', environmentStart - address);
  const { error } = await search(of(secret('x', 'of-the-environment')), await world(t, { memory: { address, bytes } }));
  t.regex(error?.message ?? '', /x: environment of process 40/);
});

test('files and their names', async (t) => {
  const carried = [
    { path: '/tmp/a', text: 'nothing' },
    { path: '/tmp/b', text: 'password=in-a-file-of-tmp' },
    { path: '/tmp/name-of-a-file', text: '' },
  ];
  const { error } = await search(of(secret('x', 'in-a-file-of-tmp'), secret('y', 'name-of-a-file')), await world(t, { carried }));
  t.deepEqual((error?.message ?? '').split('\n').slice(1), ['  | x: file /tmp/b: UTF-8', '  | y: name of file /tmp/name-of-a-file: UTF-8']);
});

test('what is allowed is named, and fails nothing; no value is ever told', async (t) => {
  const found = await search(of(secret('x', 'bytes in a pipe', true), secret('y', 'nowhere to be found')), await world(t));
  t.is(found.error, undefined);
  t.regex(JSON.stringify(found.events), /x: pipe/);
  t.false(JSON.stringify(found.events).includes('bytes in a pipe'));
  const both = await search(of(secret('x', 'bytes in a pipe', true), secret('y', 'queued stream bytes')), await world(t));
  t.false((both.error?.message ?? '').includes('x: '));
  t.false(JSON.stringify([both.events, both.error?.report()]).includes('queued stream bytes'));
});

test('short values are warned about; nothing is read where there is nothing to look for', async (t) => {
  const { events } = await search(
    { searched: [], short: ['pin'] },
    { ...(await world(t)), places: { images: '/nowhere', checkpoint: '', store: '', copies: '' } },
  );
  t.deepEqual(
    events.map((event) => event.type),
    ['warning'],
  );
  t.regex(JSON.stringify(events), /the secret pin is not looked for/);
});
