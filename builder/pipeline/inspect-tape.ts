/** `crac-build inspect --tape`: the restore tape of an image as text. */
import type { Call, TapeListing } from '../api.js';
import { CracError } from '../errors.js';
import { decodeTape } from '../../images/tape/codec.js';
import { disassembleTape } from '../../images/tape/disassemble.js';
import { withImage } from './inspect.js';

/** Throws CRAC-IMAGE-NO-TAPE, and what `withImage` throws. */
export function inspectTape(reference: string, call: Call): Promise<TapeListing> {
  return withImage(reference, call, async ({ image, read }) => {
    const { restorer } = image.labels;
    if (restorer !== 'tape') throw CracError.of('CRAC-IMAGE-NO-TAPE', { image: reference, restorer });
    const bytes = await read('tape');
    return { schema: 'crac-build/tape/1', image: reference, sizeBytes: bytes.length, lines: disassembleTape(decodeTape(bytes)) };
  });
}
