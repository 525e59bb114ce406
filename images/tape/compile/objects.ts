/** What open files have in common: how they are named in refusals, and who gets their signals. */
import type { Value } from '../../criu/schema.js';
import type { fownEntry } from '../../criu/messages/fown.js';
import type { Context } from './input.js';
import type { Target } from './process-images.js';

/** `descriptor 7 (/var/log/app.log)` */
export function objectOf(targets: readonly Target[], what: string): string {
  const numbers = targets.map(({ fd }) => fd);
  return `descriptor${numbers.length > 1 ? 's' : ''} ${numbers.join(', ')} (${what})`;
}

/** F_SETOWN and F_SETSIG are not on a tape. */
export function checkOwner({ refusals }: Context, object: string, fown: Value<typeof fownEntry>): void {
  if (fown.pid !== 0 || fown.signum !== 0) refusals.add(object, 'it sends signals (F_SETOWN)');
}

/** What poll(2) said of it (POLL). */
export const eventsOf = ({ input }: Context, targets: readonly Target[]): number =>
  targets.reduce((events, { fd }) => events | (input.kernel?.looked.events.get(fd) ?? 0), 0);

/** Names flags that cannot be set. */
export function checkFlags({ refusals }: Context, object: string, flags: number, known: number): void {
  const unknown = (flags & ~known) >>> 0;
  if (unknown !== 0) refusals.add(object, `flags 0${unknown.toString(8)}`);
}
