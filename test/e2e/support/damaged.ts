/** Containers with a file that is not as the image has it. */
import { mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { create, dockerOk, type Container } from './docker.js';
import { restorableByCriu } from './restore.js';

/** A container that starts with one of its files changed. It has the rights of either restorer. */
export async function damaged(t: ExecutionContext, of: string, path: string, damage: (file: string) => Promise<void>): Promise<Container> {
  const container = await create(t, of, restorableByCriu);
  const folder = await mkdtemp(join(tmpdir(), 'crac-build-test-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, 'file');
  await dockerOk(t, ['cp', `${container.id}:${path}`, file]);
  await damage(file);
  await dockerOk(t, ['cp', file, `${container.id}:${path}`]);
  await dockerOk(t, ['start', container.id]);
  return container;
}

/** Inverts one byte; a negative offset counts from the end. */
export const invert =
  (offset: number) =>
  async (file: string): Promise<void> => {
    const bytes = await readFile(file);
    const at = offset < 0 ? bytes.length + offset : offset;
    bytes.writeUInt8(bytes.readUInt8(at) ^ 0xff, at);
    await writeFile(file, bytes);
  };
/** Leaves so many bytes. */
export const cut =
  (sizeBytes: number) =>
  (file: string): Promise<void> =>
    truncate(file, sizeBytes);
