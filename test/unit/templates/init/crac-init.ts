/** crac-init as built for images or for build containers, for tests of its behaviour. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { initSources } from './native.js';

export interface BuiltInit {
  readonly directory: string;
  readonly path: string;
  readonly remove: () => Promise<void>;
}

/** Builds it into a temporary directory, which the caller removes. */
export async function buildInit(program: 'image' | 'build' = 'image'): Promise<BuiltInit> {
  const directory = await mkdtemp(join(tmpdir(), 'crac-build-init-'));
  const path = join(directory, 'init');
  await execa(join(initSources, 'build.sh'), [path, program]);
  return { directory, path, remove: async () => rm(directory, { recursive: true, force: true }) };
}
