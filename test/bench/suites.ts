/** The suites by name. */
import { bake } from './bake.js';
import { demo } from './demo.js';
import { heap } from './heap.js';
import { modes } from './modes.js';
import { pageCache } from './page-cache.js';
import { replicas } from './replicas.js';
import { tape } from './tape.js';
import type { Suite } from './suite.js';

export const suites: Readonly<Record<string, Suite>> = { heap, modes, replicas, 'page-cache': pageCache, bake, demo, tape };
