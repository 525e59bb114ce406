/** What a run needs of base images and applications, put in place; those that do not depend on each other at the same time. */
import { ensureBaseImages, type JavaRelease } from './base-image.js';
import type { EngineSession } from './engine.js';
import { ensureFixtures, toolsFor, type Fixture } from './fixtures.js';
import { needTools } from './tools.js';

export interface Wanted {
  readonly java: readonly JavaRelease[];
  readonly fixtures: readonly Fixture[];
}

export async function prepare(session: EngineSession, wanted: Wanted, signal: AbortSignal): Promise<void> {
  // apt works once at a time: everything that may install comes first.
  await needTools([...toolsFor(wanted.fixtures), ...(wanted.java.length > 0 ? (['images'] as const) : [])], signal);
  await Promise.all([ensureBaseImages(session.engine, wanted.java, signal), ensureFixtures(wanted.fixtures, signal)]);
}
