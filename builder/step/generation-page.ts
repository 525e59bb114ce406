/** Where a dumped JVM has the page that tells its agent of a start. */
import type { CriuCheckpoint } from '../../images/criu/checkpoint.js';
import type { ImageSet } from '../../images/criu/directory.js';
import { FrozenMemory } from '../../images/criu/frozen-memory.js';
import { generationFileBytes, generationPath } from '../../images/tape/layout.js';
import { CracError } from '../errors.js';

/**
 * Undefined where no process has an agent. The page has to come from the file at a restore, so it may not be in the dump; what lies behind
 * it, the mailbox, is the process's own.
 * Throws CRAC-CHECKPOINT-INCOMPLETE.
 */
export async function findGenerationPage(
  imageDirectory: string,
  set: ImageSet,
  { processes }: CriuCheckpoint,
): Promise<bigint | undefined> {
  const incomplete = (message: string): CracError => CracError.of('CRAC-CHECKPOINT-INCOMPLETE', { message });
  const found = processes.flatMap((process) =>
    (process.memory?.vmas ?? []).filter(({ path, pgoff }) => path === generationPath && pgoff === 0n).map((vma) => ({ process, vma })),
  );
  const [only, another] = found;
  if (only === undefined) return undefined;
  if (another !== undefined) throw incomplete(`${generationPath} is mapped twice`);
  const { process, vma } = only;
  if (vma.end - vma.start !== BigInt(generationFileBytes)) throw incomplete(`a part of ${generationPath} is mapped`);
  const memory = new FrozenMemory(imageDirectory, set, process);
  const written = memory.positionOf(vma.start) !== undefined;
  await memory.close();
  if (written) throw incomplete('the generation page has been written to');
  return vma.start;
}
