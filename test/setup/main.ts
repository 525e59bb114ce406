/**
 * Command line of the set-up, called by scripts/run.mjs:
 *
 *   tools TASK…                                    install the programs of a task
 *   run [--java 25,21] [--fixtures demo,small] [-- COMMAND…]   an engine, base images and applications; then the command with them
 *   engine start | stop | status                   the project's own engine
 *   recipes                                        digests of the base images' recipes
 */
import { parseArgs } from 'node:util';

import { SetupProblem } from '../../templates/runtime/problem.js';
import { baseImageRecipes, isJavaRelease } from './base-image.js';
import { cacheDirectory } from './cache.js';
import { runChild } from './children.js';
import { daemonPlaces, isListening, keepDaemon, stopDaemon } from './daemon.js';
import { withEngine } from './engine.js';
import { isFixture } from './fixtures.js';
import { prepare } from './prepare.js';
import { runProgram, say } from './progress.js';
import { isTask, needTools } from './tools.js';

const usage = 'This program is called by scripts/run.mjs.';

await runProgram(async (signal) => {
  const [verb = '', ...rest] = process.argv.slice(2);
  switch (verb) {
    case 'tools':
      await needTools(
        rest.map((name) => checked(name, isTask, 'task')),
        signal,
      );
      return 0;
    case 'run':
      return run(rest, signal);
    case 'engine':
      return engine(rest[0] ?? 'status', signal);
    case 'recipes':
      console.log(baseImageRecipes());
      return 0;
    default:
      throw new SetupProblem(`no such verb: ${verb}`, usage);
  }
});

async function run(args: readonly string[], signal: AbortSignal): Promise<number> {
  const border = args.indexOf('--');
  const command = border < 0 ? [] : args.slice(border + 1);
  const { values } = parseArgs({
    args: args.slice(0, border < 0 ? undefined : border),
    options: { java: { type: 'string', default: '' }, fixtures: { type: 'string', default: '' } },
  });
  const names = (text: string): readonly string[] => text.split(',').filter((name) => name !== '');
  const java = names(values.java).map((name) => checked(name, isJavaRelease, 'Java release'));
  const fixtures = names(values.fixtures).map((name) => checked(name, isFixture, 'application'));
  return withEngine(async (session) => {
    await prepare(session, { java, fixtures }, signal);
    const [program, ...rest] = command;
    if (program === undefined) return 0;
    return (await runChild(program, rest, { env: session.env, stdout: 'inherit' })).status;
  }, signal);
}

async function engine(verb: string, signal: AbortSignal): Promise<number> {
  const places = daemonPlaces(cacheDirectory());
  if (verb === 'start') {
    await keepDaemon(places, signal);
    say(`the engine runs until "npm run engine -- stop"; to use it: export DOCKER_HOST=unix://${places.socket}`);
    return 0;
  }
  if (verb === 'stop') {
    if (await stopDaemon(places, signal)) {
      say('the engine is stopped');
      return 0;
    }
    say('the engine is in use by a run; it stops after it');
    return 0;
  }
  if (verb === 'status') {
    const runs = await isListening(places.socket);
    console.log(runs ? `runs at unix://${places.socket}, data in ${places.data}` : 'does not run');
    return runs ? 0 : 1;
  }
  throw new SetupProblem(`engine does not know "${verb}"`, 'npm run engine -- start | stop | status');
}

function checked<T extends string>(name: string, is: (name: string) => name is T, what: string): T {
  if (is(name)) return name;
  throw new SetupProblem(`there is no ${what} "${name}"`, usage);
}
