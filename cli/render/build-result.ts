/** The last screen of `build`: what was made, and how to start it. */
import type { BuildResult, VerifyResult } from '../../builder/api.js';
import { formatBytes, formatMs, shortDigest } from './format.js';
import { formatAdded, formatRestorer } from './layers.js';
import { painter, signs, type Look } from './look.js';
import { renderPairs } from './table.js';
import { clean, cleanLine } from './text.js';

export function renderBuildResult(result: BuildResult, look: Look): string {
  const paint = painter(look.color);
  return [
    '',
    `${paint.green(signs(look.unicode).done)} ${paint.bold(cleanLine(result.image))}  ${paint.dim(shortDigest(result.imageId))}`,
    ...renderPairs(
      [
        ['made from', `${cleanLine(result.baseImage)}, ${formatBytes(result.bytes.base)}`],
        ['added', formatAdded(result.bytes)],
        ['restorer', formatRestorer(result.restorer, result.mode)],
        ['verified', result.verified === null ? 'no (--no-verify)' : formatOutcome(result.verified)],
        ['start it', clean(result.runCommand)],
      ],
      look,
    ),
    '',
  ].join('\n');
}

/** The result of `verify`. */
export function renderVerifyResult(result: VerifyResult, look: Look): string {
  const paint = painter(look.color);
  const sign = signs(look.unicode);
  return [
    `${result.restored ? paint.green(sign.done) : paint.yellow(sign.warning)} ${paint.bold(cleanLine(result.image))}`,
    ...renderPairs(
      [
        ['start', formatOutcome(result)],
        ...(result.cold === null ? [] : ([['try', cleanLine(result.cold.hint)]] as const)),
        ['with', result.runArgs.length === 0 ? 'no more rights than a container has' : clean(result.runArgs.join(' '))],
      ],
      look,
    ),
    '',
  ].join('\n');
}

function formatOutcome({ restored, cold, restoreMs, readyMs }: VerifyResult): string {
  const ready = readyMs === null ? '' : `, ready after ${formatMs(readyMs)}`;
  if (restored) return `restored${restoreMs === null ? '' : ` in ${formatMs(restoreMs)}`}${ready}`;
  return `cold${cold === null ? '' : ` (${cold.code}: ${cleanLine(cold.reason)})`}${ready}`;
}
