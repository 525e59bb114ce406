// Writes the files that are generated from images/record (compile it first): templates/init/format.gen.h and docs/record.md.
// With --check nothing is written, and stale files make the exit status 1.
import { renderDocs } from '../dist/images/record/render-docs.js';
import { renderHeader } from '../dist/images/record/render-header.js';
import { writeGenerated } from './generated.mjs';

await writeGenerated([
  ['templates/init/format.gen.h', renderHeader()],
  ['docs/record.md', renderDocs()],
]);
