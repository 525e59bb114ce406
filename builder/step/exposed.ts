/** The search for the values of secrets in all that becomes the image: pages, what descriptors hold, carried files, the files layer. */
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { numbersOf } from '../../images/criu/directory.js';
import { PAGE_BYTES, PAGEMAP } from '../../images/criu/flags.js';
import { stackPointers } from '../../images/criu/frozen-threads.js';
import { decodeImage } from '../../images/criu/image.js';
import { isRawImage } from '../../images/criu/magic.js';
import { memoryAreas } from '../../images/criu/memory-areas.js';
import { pipeDataEntry } from '../../images/criu/messages/file.js';
import { skPacketEntry } from '../../images/criu/messages/socket.js';
import { readMessage } from '../../images/criu/schema.js';
import type { CheckpointFile } from '../../images/criu/view-file.js';
import { readPagemap, type CheckpointProcess } from '../../images/criu/view-process.js';
import { readLayer } from '../../images/layers/read.js';
import { readPlanned } from '../../images/pages/read-plan.js';
import { CracError } from '../errors.js';
import type { Emit } from '../events.js';
import { copiesDirectory, storeFile, type Pages } from './pages.js';
import { checkpointDirectory, imageDirectory, type Prepared } from './prepare.js';
import { describeExposures, SecretSearch, shortestSecret, type Secrets } from './secrets.js';

const readAtOnce = 4 << 20;

const hex = (value: bigint): string => `0x${value.toString(16)}`;

/** Whose memory or descriptor it is, where there is more than one process. */
const ofProcess = ({ checkpoint }: Searched['prepared'], pid: number): string => {
  const process = checkpoint.processes.find((candidate) => candidate.pid === pid);
  return checkpoint.processes.length === 1 || process === undefined ? '' : ` of process ${pid} (${process.comm})`;
};

/** Where the parts of the checkpoint are before they are packed. */
export interface SearchedPlaces {
  readonly images: string;
  readonly checkpoint: string;
  readonly store: string;
  readonly copies: string;
}

const inOutVolume: SearchedPlaces = { images: imageDirectory, checkpoint: checkpointDirectory, store: storeFile, copies: copiesDirectory };

interface Searched {
  readonly search: SecretSearch;
  readonly prepared: Pick<Prepared, 'checkpoint' | 'images' | 'carried' | 'filesLayer'>;
  readonly pages: Pick<Pages, 'plan' | 'knowledge'>;
  readonly places: SearchedPlaces;
}

async function searchMemory({ search, prepared, pages, places }: Searched, signal: AbortSignal): Promise<void> {
  const files = { store: pages.plan.storeBytes > 0 ? places.store : undefined, copiesDirectory: places.copies };
  for (const plan of pages.plan.processes) {
    const process = prepared.checkpoint.processes.find(({ pid }) => pid === plan.pid);
    if (process === undefined) continue;
    // The registers of threads take a while to decode: only when there is something to name.
    let areaAt: ReturnType<typeof memoryAreas> | undefined;
    let last = { start: 0n, end: 0n, place: '' };
    const scan = search.scan((at) => {
      const address = BigInt(at);
      if (address >= last.start && address < last.end) return last.place;
      areaAt ??= areasOf(prepared, pages, process);
      const { kind, start, end } = areaAt(address);
      last = { start, end, place: `${kind}${ofProcess(prepared, plan.pid)} ${hex(start)}-${hex(end)}` };
      return last.place;
    });
    for await (const { address, bytes } of readPlanned(plan, files, signal)) scan.take(address, bytes);
  }
}

function areasOf(prepared: Searched['prepared'], pages: Searched['pages'], process: CheckpointProcess): ReturnType<typeof memoryAreas> {
  const regions = pages.knowledge.get(process.pid)?.regions ?? [];
  const known = regions.map(({ kind, start, end }) => ({ kind, start: BigInt(start), end: BigInt(end) }));
  return memoryAreas(process, known, stackPointers(prepared.images, process));
}

/** Memory that has a descriptor or several users: memfd_create, MAP_SHARED, System V. */
async function searchSharedMemory({ search, prepared, places }: Searched, signal: AbortSignal): Promise<void> {
  const { images, checkpoint } = prepared;
  for (const id of numbersOf(images.images.keys(), 'pagemap-shmem')) {
    const [file, ...others] = checkpoint.files.filter((candidate) => candidate.kind === 'memfd' && candidate.shmid === id);
    const place = file === undefined ? `shared memory ${id}` : `file in memory ${nameOf(file)}${usesOf([file, ...others])}`;
    const scan = search.scan(() => place);
    const { pagesId, ranges } = readPagemap(images, `pagemap-shmem-${id}.img`);
    const path = join(places.images, `pages-${pagesId}.img`);
    let offset = 0;
    for (const { vaddr, nrPages, flags } of ranges) {
      if ((flags & PAGEMAP.PRESENT) === 0 || nrPages === 0) continue;
      const bytes = nrPages * PAGE_BYTES;
      let at = Number(vaddr);
      for await (const part of createReadStream(path, { start: offset, end: offset + bytes - 1, highWaterMark: readAtOnce, signal })) {
        scan.take(at, part as Buffer);
        at += (part as Buffer).length;
      }
      offset += bytes;
    }
  }
}

const nameOf = (file: CheckpointFile): string => (file.kind === 'memfd' ? file.name : file.kind === 'regular' ? file.path : file.kind);

/** ` (descriptors 5, 6)`. */
function usesOf(files: readonly CheckpointFile[]): string {
  const fds = [...new Set(files.flatMap(({ uses }) => uses.flatMap((use) => (use.as === 'descriptor' ? [use.fd] : []))))];
  return fds.length === 0 ? '' : ` (descriptor${fds.length > 1 ? 's' : ''} ${fds.join(', ')})`;
}

/** What was on its way in pipes and sockets, files without a name, and whatever else CRIU keeps beside the pages. */
async function searchImages({ search, prepared, places }: Searched, signal: AbortSignal): Promise<void> {
  const { images, checkpoint } = prepared;
  for (const [name, content] of images.images) {
    const ghost = checkpoint.files.find(
      (file) => file.kind === 'regular' && file.deleted?.by === 'ghost' && file.deleted.imageName === name,
    );
    const streams = ghost === undefined ? queuesOf(name, content, checkpoint.files) : undefined;
    const whole = ghost === undefined ? `the dump's ${name}` : `deleted file ${nameOf(ghost)}${usesOf([ghost])}`;
    for (const [place, bytes] of streams ?? [[whole, Buffer.from(content.buffer, content.byteOffset, content.length)] as const]) {
      search.scan(() => place).take(0, bytes);
    }
  }
  for (const name of images.rawSizes.keys()) {
    if (name.startsWith('pages-') || !isRawImage(name)) continue;
    await search.searchStream(`the dump's ${name}`, createReadStream(join(places.images, name), { highWaterMark: readAtOnce, signal }));
  }
}

/** Queued bytes of an image that has such, by place: those of one pipe or socket together. */
function queuesOf(name: string, content: Uint8Array, files: readonly CheckpointFile[]): ReadonlyMap<string, Buffer> | undefined {
  const image = decodeImage(content, name);
  if (image.kind !== 'entries' || !['PIPES_DATA', 'FIFO_DATA', 'SK_QUEUES', 'TCP_STREAM'].includes(image.type)) return undefined;
  const queues = new Map<string, Buffer>();
  for (const { message, payload } of image.entries) {
    const place =
      image.type === 'TCP_STREAM'
        ? 'buffer of a TCP connection'
        : image.type === 'SK_QUEUES'
          ? queueOfSocket(readMessage(skPacketEntry, message).idFor, files)
          : contentOfPipe(readMessage(pipeDataEntry, message).pipeId, files);
    queues.set(place, Buffer.concat([queues.get(place) ?? Buffer.alloc(0), payload]));
  }
  return queues;
}

const queueOfSocket = (id: number, files: readonly CheckpointFile[]): string =>
  `queue of socket ${id}${usesOf(files.filter((file) => file.id === id))}`;

const contentOfPipe = (pipeId: number, files: readonly CheckpointFile[]): string =>
  `pipe ${pipeId}${usesOf(files.filter((file) => file.kind === 'pipe' && file.pipeId === pipeId && file.end !== 'write'))}`;

/** Files that are carried, by their copies, and those of the files layer. Names can give something away as well. */
async function searchFiles({ search, prepared, places }: Searched, signal: AbortSignal): Promise<void> {
  const { carried, filesLayer } = prepared;
  for (const { entry, source } of carried) {
    searchNames(search, entry.path, entry.target);
    if (source === undefined) continue;
    const copy = join(places.checkpoint, 'carry', String(entry.content));
    await search.searchStream(`file ${entry.path}`, createReadStream(copy, { highWaterMark: readAtOnce, signal }));
  }
  if (filesLayer !== undefined) await searchLayer(search, filesLayer.path, signal);
}

function searchNames(search: SecretSearch, path: string, target: string): void {
  search.scan(() => `name of file ${path}`).take(0, Buffer.from(`${path}\0${target}`));
}

/** The tar of a layer. */
export async function searchLayer(search: SecretSearch, tar: string, signal: AbortSignal): Promise<void> {
  for await (const { path, type, content, linkTarget } of readLayer(createReadStream(tar, { highWaterMark: readAtOnce, signal }), {
    signal,
  })) {
    searchNames(search, path, linkTarget ?? '');
    if (type === 'file') await search.searchStream(`file ${path}`, content());
  }
}

/**
 * Fails the build where a value is in the image that may not be there, and names the places of those that may.
 *
 * Throws CRAC-SECRET-FOUND.
 */
export async function refuseExposedSecrets(
  secrets: Secrets,
  prepared: Searched['prepared'],
  pages: Searched['pages'],
  emit: Emit,
  signal: AbortSignal,
  places: SearchedPlaces = inOutVolume,
): Promise<void> {
  for (const id of secrets.short) {
    const text = `the secret ${id} is not looked for in the image: a value of fewer than ${shortestSecret} characters would be found anywhere`;
    emit({ type: 'warning', step: 'pages', text });
  }
  if (secrets.searched.length === 0) return;
  emit({ type: 'progress', step: 'pages', detail: 'looking for the values of secrets' });
  const search = new SecretSearch(secrets.searched);
  const searched: Searched = { search, prepared, pages, places };
  await searchMemory(searched, signal);
  await searchSharedMemory(searched, signal);
  await searchImages(searched, signal);
  await searchFiles(searched, signal);
  const exposures = search.exposures();
  const refused = exposures.filter(({ allowed }) => !allowed);
  if (refused.length > 0) {
    throw CracError.of('CRAC-SECRET-FOUND', { ids: [...new Set(refused.map(({ id }) => id))], places: describeExposures(refused) });
  }
  for (const line of describeExposures(exposures)) {
    emit({ type: 'notice', step: 'pages', text: `the image holds the value of a secret, as --allow-secret says: ${line}` });
  }
}
