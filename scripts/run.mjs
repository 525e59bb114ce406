// Every command of the repository: node scripts/run.mjs VERB [ARGUMENTS]. Runs on Node 18 and later: where the machine's Node is
// too old for the project, a newer one is brought from npm and this script starts again under it.
import { join } from 'node:path';
import { Failed, run } from './children.mjs';
import { isNewEnough, nodePackage } from './newer-node.mjs';
import { inRoot } from './paths.mjs';
import { Problem } from './progress.mjs';

const verbs = {
  setup: 'install what is missing, build, prepare base images and test applications',
  build: 'compile, and make the parts that go into images',
  check: 'types, lint, format, imports, generated files',
  lint: 'eslint only (-- --fix)',
  format: 'rewrite files with prettier',
  generate: 'rewrite the generated files',
  test: 'check, unit and end-to-end tests',
  'test:unit': 'unit tests; arguments go to AVA',
  'test:e2e': 'end-to-end tests on a real engine; arguments go to AVA',
  'test:full': 'as test, with every JDK and collector; goes on where it stopped (--fresh: from the start)',
  bench: 'SUITE [--json] [--check]: measurements',
  demo: '[--json]: the demo application, cold and restored',
  engine: "start | stop | status: the project's own engine",
  locks: 'renew the lock lists of the runtime',
  clean: 'remove what was built (--cache: and what was downloaded)',
};

async function main() {
  // npm passes what follows "--"; a "--" of our own is no argument.
  const [verb = '', ...rest] = process.argv.slice(2);
  const args = rest[0] === '--' ? rest.slice(1) : rest;
  if (!Object.hasOwn(verbs, verb)) {
    const list = Object.entries(verbs).map(([name, text]) => `  ${name.padEnd(10)} ${text}\n`);
    process.stderr.write(`usage: npm run VERB [-- ARGUMENTS]\n\n${list.join('')}`);
    return verb === '' || verb === 'help' || verb === '--help' ? 0 : 2;
  }
  if (!isNewEnough() && verb !== 'clean') {
    const folder = join(await nodePackage(), 'bin');
    const env = { PATH: `${folder}:${process.env.PATH ?? ''}` };
    const child = await run(join(folder, 'node'), [inRoot('scripts/run.mjs'), verb, ...args], { show: true, anyStatus: true, env });
    return child.status;
  }
  const { runVerb } = await import('./verbs.mjs');
  return runVerb(verb, args);
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof Problem)) throw error;
  process.stderr.write(`error: ${error.message}\nhint: ${error.hint}\n`);
  process.exitCode = error instanceof Failed ? error.status : 1;
}
