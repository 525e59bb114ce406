/** What to do about a cold start: by its code, and for COLD-RESTORE by what the restorer said. */
import { isColdCode } from '../../images/record/cold-codes.js';
import { coldAdvice, restoreReasons, says } from './reasons.js';

/** What to do; `code` is of crac-init's line. */
export function adviseCold({ code, reason }: { readonly code: string; readonly reason: string }): string {
  if (!isColdCode(code)) return 'docs/restore.md explains why starts are cold.';
  if (code !== 'COLD-RESTORE') return coldAdvice[code];
  return restoreReasons.find(({ messages }) => messages.some((message) => says(reason, message)))?.advice ?? coldAdvice[code];
}
