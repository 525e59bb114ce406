/**
 * `npm run demo`: builds the demo application's image with crac-build, measures its cold and restored starts, and shows them.
 * With --json standard output is the object of `crac-build bench --json` alone; --runs N: how many starts of each kind.
 */
import { parseArgs } from 'node:util';
import { fileURLToPath } from 'node:url';

import type { BenchReport, BuildResult } from '../../builder/api.js';
import { renderBench } from '../../cli/render/bench.js';
import { lookOf } from '../../cli/render/look.js';
import { SetupProblem } from '../../templates/runtime/problem.js';
import { runChild } from './children.js';
import { withEngine, type EngineSession } from './engine.js';
import { fixtureDirectory } from './fixtures.js';
import { prepare } from './prepare.js';
import { runProgram, say } from './progress.js';

const image = 'crac-build-demo:warm';
const cli = fileURLToPath(new URL('../../cli/main.js', import.meta.url));

await runProgram(async (signal) => {
  const { values } = parseArgs({ options: { json: { type: 'boolean', default: false }, runs: { type: 'string', default: '5' } } });
  return withEngine(async (session) => {
    await prepare(session, { java: ['25'], fixtures: ['demo'] }, signal);
    say(`crac-build build -t ${image} test/fixtures/demo`);
    const built = (await crac(['build', '--json', '-t', image, fixtureDirectory('demo')], session, signal)) as BuildResult;
    say(`crac-build bench --runs ${values.runs} ${image}`);
    const report = (await crac(['bench', '--json', '--runs', values.runs, image], session, signal)) as BenchReport;
    if (values.json) console.log(JSON.stringify(report));
    else console.log(`\n${renderBench(report, lookOf(process.stdout, process.env))}\n${nextCommands(built, session)}`);
    return report.fellBack === 0 ? 0 : 1;
  }, signal);
});

/** Runs the command line as a user would; its progress is shown on standard error, its standard output is the result. */
async function crac(args: readonly string[], session: EngineSession, signal: AbortSignal): Promise<unknown> {
  const { status, stdout } = await runChild(process.execPath, [cli, ...args], { env: session.env, stdout: 'pipe' });
  if (signal.aborted) throw signal.reason;
  if (status !== 0) throw new SetupProblem(`crac-build ${args[0] ?? ''} failed`, 'Its own words are above.');
  return JSON.parse(stdout);
}

function nextCommands(built: BuildResult, session: EngineSession): string {
  const host = session.env['DOCKER_HOST'];
  const commands = [
    // Our own engine is stopped with the demo; the user's goes on.
    ...(session.own && host !== undefined ? ['npm run engine -- start', `export DOCKER_HOST=${host}`] : []),
    built.runCommand,
    `npx crac-build inspect ${image}`,
    `npx crac-build verify ${image}`,
  ];
  return `Try next:\n${commands.map((command) => `  ${command}\n`).join('')}`;
}
