/** What `inspect --tape` prints: the tape, line by line as it is, so that it can be searched and compared. */
import type { TapeListing } from '../../builder/api.js';
import { formatBytes } from './format.js';
import { painter, type Look } from './look.js';
import { cleanLine } from './text.js';

export function renderTape({ image, sizeBytes, lines }: TapeListing, look: Look): string {
  const head = `${painter(look.color).bold(cleanLine(image))}  tape, ${formatBytes(sizeBytes)}`;
  return [head, ...lines.map(cleanLine), ''].join('\n');
}
