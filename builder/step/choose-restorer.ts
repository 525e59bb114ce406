/** The choice of the restorer: the tape where it can express the checkpoint, else criu with the reasons. */
import type { Refusal } from '../../images/tape/compile/refusals.js';
import { CracError } from '../errors.js';
import type { Emit } from '../events.js';
import { CriuRestorer, type CriuInput } from './criu-restorer.js';
import type { StepPlan } from './protocol.js';
import type { Restorer } from './restorer.js';
import { TapeRestorer, type TapeSource } from './tape-restorer.js';

export interface ChosenRestorer {
  readonly restorer: Restorer;
  /** Why it is not the tape, where that was asked. */
  readonly refusals: readonly Refusal[];
}

/** So many are told one by one. */
const shownRefusals = 10;

/** Lines for people: what a tape cannot express, each with its reason. */
export function tellRefusals(refusals: readonly Refusal[]): readonly string[] {
  const more = refusals.length - shownRefusals;
  return [
    ...refusals.slice(0, shownRefusals).map(({ object, reason }) => `${object}: ${reason}`),
    ...(more > 0 ? [`and ${more} more`] : []),
  ];
}

/** Throws CRAC-TAPE-REFUSED where only the tape will do. `wanted` auto: each refusal is a notice. */
export function chooseRestorer(wanted: StepPlan['restorer'], criu: CriuInput, tape: TapeSource, emit: Emit): ChosenRestorer {
  if (wanted === 'criu') return { restorer: new CriuRestorer(criu), refusals: [] };
  const made = TapeRestorer.create(tape);
  if (made instanceof TapeRestorer) return { restorer: made, refusals: [] };
  if (wanted === 'tape') throw CracError.of('CRAC-TAPE-REFUSED', { refusals: tellRefusals(made) });
  for (const text of tellRefusals(made)) emit({ type: 'notice', step: 'pages', text: `not on a tape: ${text}` });
  emit({ type: 'notice', step: 'pages', text: 'the restorer is criu, because a tape cannot express this checkpoint' });
  return { restorer: new CriuRestorer(criu), refusals: made };
}
