/** `--explain`: a failure that descriptors are the reason of, and the classes and calls that opened them. */
import type { Agent } from '../agent/agent.js';
import { describeOpenings, readOpenings } from '../agent/openings.js';
import { CracError, type ErrorCode } from '../errors.js';
import type { Emit } from '../events.js';

/** Failures for which a descriptor is the reason. */
const ofDescriptors: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'CRAC-APP-CONNECTIONS',
  'CRAC-DUMP-CONNECTION',
  'CRAC-DUMP-UNIX-SOCKET',
  'CRAC-DUMP-SOCKET',
  'CRAC-DUMP-WATCH',
  'CRAC-DUMP-FILE',
  'CRAC-DUMP-DESCRIPTOR',
  'CRAC-DUMP-LOCK',
]);

/** Descriptors that a message names: "Can't dump file 21 of that type", "fd=7 path=". */
function namedIn(message: string): ReadonlySet<number> {
  return new Set([...message.matchAll(/\bfile (\d+) of that type|\bfd=(\d+)/g)].map(([, a, b]) => Number(a ?? b)));
}

/** Tells who opened what the failure names, or all that is open where it names none. Never throws. */
export async function explainFailure(cause: unknown, agent: Pick<Agent, 'explain'>, emit: Emit, signal: AbortSignal): Promise<void> {
  if (!(cause instanceof CracError) || !ofDescriptors.has(cause.code)) return;
  const openings = readOpenings(await agent.explain(signal).catch(() => ''));
  const named = namedIn(cause.message);
  const meant = named.size === 0 ? openings : openings.filter(({ fd }) => named.has(fd));
  if (meant.length === 0) {
    emit({
      type: 'notice',
      step: 'checkpoint',
      text: 'no class of the application is known to have opened it: native code, or the JVM itself',
    });
  }
  for (const text of describeOpenings(meant)) emit({ type: 'notice', step: 'checkpoint', text });
}
