/** Removes what builds left behind that were killed: only of this host, only of processes that are no more. */
import { CracError } from '../errors.js';
import { isAlive, labelNames, type Owner, readOwner, readTemporaryTag, temporaryRepository, thisHost } from './owner.js';
import { statusOf, throwIfCancelled } from './errors.js';
import type { Engine } from './port.js';

export interface LeftoverRules {
  readonly host: string;
  readonly isAlive: (owner: Owner) => boolean;
}

export interface RemovedLeftovers {
  /** `container 0123…`, `volume NAME`, `tag NAME`. */
  readonly removed: readonly string[];
  /** What could not be removed, with the reason; the next run tries again. */
  readonly failed: readonly string[];
}

interface Leftover {
  readonly name: string;
  readonly remove: () => Promise<void>;
}

/** The rules of this process. */
export const ownLeftovers: LeftoverRules = {
  get host() {
    return thisHost();
  },
  isAlive: (owner) => isAlive(owner),
};

/**
 * Removes containers, then volumes, then temporary tags of dead builds. What another run removes at the same moment, or what is in
 * use, is passed over. Throws only when cancelled or when the engine is gone.
 */
export async function removeLeftovers(engine: Engine, rules: LeftoverRules, signal: AbortSignal): Promise<RemovedLeftovers> {
  const removed: string[] = [];
  const failed: string[] = [];
  const isDead = (owner: Owner | undefined): boolean => owner?.host === rules.host && !rules.isAlive(owner);
  const stages = [containersOf, volumesOf, tagsOf];
  for (const stage of stages) {
    for (const { name, remove } of await stage(engine, isDead, rules.host, signal)) {
      try {
        await remove();
        removed.push(name);
      } catch (error) {
        throwIfCancelled(signal);
        if (error instanceof CracError && error.code === 'CRAC-ENGINE-UNREACHABLE') throw error;
        if (statusOf(error) !== 409) failed.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
  }
  return { removed, failed };
}

type Stage = (
  engine: Engine,
  isDead: (owner: Owner | undefined) => boolean,
  host: string,
  signal: AbortSignal,
) => Promise<readonly Leftover[]>;

const containersOf: Stage = async (engine, isDead, host, signal) =>
  (await engine.listContainers(`${labelNames.host}=${host}`, signal))
    .filter(({ labels }) => isDead(readOwner(labels)))
    .map(({ id }) => ({ name: `container ${id.slice(0, 12)}`, remove: () => engine.container(id).remove(signal) }));

const volumesOf: Stage = async (engine, isDead, host, signal) =>
  (await engine.listVolumes({ label: `${labelNames.host}=${host}` }, signal))
    .filter(({ labels }) => isDead(readOwner(labels)))
    .map(({ name }) => ({ name: `volume ${name}`, remove: () => engine.removeVolume(name, signal) }));

const tagsOf: Stage = async (engine, isDead, _host, signal) =>
  (await engine.listImages({ repository: temporaryRepository }, signal))
    .flatMap(({ tags }) => tags)
    .filter((tag) => isDead(readTemporaryTag(tag)))
    .map((tag) => ({ name: `tag ${tag}`, remove: () => engine.removeImage(tag, signal) }));
