/** Sizes of the layers by role. */
import type { LayerSizes } from '../../builder/api.js';
import { formatBytes } from './format.js';

const added = ['runtime', 'files', 'checkpoint', 'pages'] as const satisfies readonly (keyof LayerSizes)[];

/** What crac-build put on top of the base, in bytes. */
export function addedBytes(bytes: LayerSizes): number {
  return added.reduce((sum, role) => sum + bytes[role], 0);
}

/** `134 MiB (runtime 21 MiB, checkpoint 113 MiB)`: roles without bytes are left out. */
export function formatAdded(bytes: LayerSizes): string {
  const parts = added.filter((role) => bytes[role] > 0).map((role) => `${role} ${formatBytes(bytes[role])}`);
  return `${formatBytes(addedBytes(bytes))}${parts.length > 0 ? ` (${parts.join(', ')})` : ''}`;
}

/** `criu, mode read`, or `tape`. */
export function formatRestorer(restorer: string, mode: string | null): string {
  return mode === null || mode === '' ? restorer : `${restorer}, mode ${mode}`;
}
