/** One folder a case in test/fixtures/dockerfile: Dockerfile, what comes out of it in result.txt, and perhaps the stage in target. */
import { readdirSync, readFileSync, writeFileSync, existsSync } from 'node:fs';
import test from 'ava';
import { parseDockerfile } from '../../../../builder/dockerfile/dockerfile.js';
import { CracError } from '../../../../builder/errors.js';

const fixtures = new URL('../../../../../test/fixtures/dockerfile/', import.meta.url);

/** A result as text: what the golden files hold. */
function listing(text: string, target: string | undefined): string {
  try {
    const { instructions, standard, expose } = parseDockerfile(text, { file: 'Dockerfile', ...(target !== undefined && { target }) });
    const { places, ...values } = instructions;
    return [
      ...places.map(({ instruction, firstLine, lastLine }) => `${instruction} lines ${firstLine}-${lastLine}`),
      `EXPOSE ${expose.join(' ')}`.trimEnd(),
      JSON.stringify(values, null, 2),
      'standard part:',
      ...standard.split('\n').map((line, i) => `${String(i + 1).padStart(3)}|${line.replaceAll('\r', '␍')}`),
      '',
    ].join('\n');
  } catch (thrown) {
    if (!(thrown instanceof CracError)) throw thrown;
    const { where } = thrown;
    const caret = where ? `${where.file}:${where.line}:${where.column}\n${where.excerpt}\n${' '.repeat(where.column - 1)}^\n` : '';
    return `${thrown.code}: ${thrown.message}\n${thrown.hint}\n${caret}`;
  }
}

for (const name of readdirSync(fixtures, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []))) {
  test(name, (t) => {
    const file = (part: string): URL => new URL(`${name}/${part}`, fixtures);
    const target = existsSync(file('target')) ? readFileSync(file('target'), 'utf8').trim() : undefined;
    const result = listing(readFileSync(file('Dockerfile'), 'utf8'), target);
    if (process.env['CRAC_BUILD_GOLDEN'] === 'write') writeFileSync(file('result.txt'), result);
    t.is(result, readFileSync(file('result.txt'), 'utf8'));
  });
}
