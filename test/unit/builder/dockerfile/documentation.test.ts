import { readFileSync } from 'node:fs';
import test from 'ava';
import { parseDockerfile } from '../../../../builder/dockerfile/dockerfile.js';

const page = readFileSync(new URL('../../../../../docs/dockerfile.md', import.meta.url), 'utf8');
const examples = [...page.matchAll(/^```dockerfile\n(.*?)^```$/gms)].map((match) => match[1] ?? '');

test('every example of docs/dockerfile.md is read', (t) => {
  t.true(examples.length >= 7);
  for (const example of examples) {
    const { instructions } = parseDockerfile(example, { file: 'docs/dockerfile.md' });
    t.true(instructions.places.length > 0, example);
  }
});
