// Writes the files that are generated from images/tape (compile it first): templates/init/tape.gen.h and docs/tape-format.md.
// With --check nothing is written, and stale files make the exit status 1.
import { renderTapeDocs } from '../dist/images/tape/render-docs.js';
import { renderTapeHeader } from '../dist/images/tape/render-header.js';
import { writeGenerated } from './generated.mjs';

await writeGenerated([
  ['templates/init/tape.gen.h', renderTapeHeader()],
  ['docs/tape-format.md', renderTapeDocs()],
]);
