// Writes the files that are generated from images/record (compile it first): templates/init/format.gen.h and docs/record.md.
// With --check nothing is written, and stale files make the exit status 1.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { renderDocs } from '../dist/images/record/render-docs.js';
import { renderHeader } from '../dist/images/record/render-header.js';

const root = join(import.meta.dirname, '..');
const files = [
  ['templates/init/format.gen.h', renderHeader()],
  ['docs/record.md', renderDocs()],
];
const check = process.argv.includes('--check');

for (const [path, text] of files) {
  const target = join(root, path);
  const now = await readFile(target, 'utf8').catch((error) => {
    if (error.code !== 'ENOENT') throw error;
    return undefined;
  });
  if (now === text) continue;
  if (check) {
    console.error(`${path} is stale: run npm run generate`);
    process.exitCode = 1;
  } else {
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, text);
    console.error(`wrote ${path}`);
  }
}
