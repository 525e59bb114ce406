/** One run of the command line, from its words to its exit status. */
import { CracError, toCracError } from '../builder/errors.js';
import type { CommandLine } from './args.js';
import { exitStatusOf, listenForCancel } from './cancel.js';
import { commandNames } from './flags.js';
import type { Program } from './program.js';
import type { StopSignal, Surroundings } from './surroundings.js';

/** Runs a command. Everything that fails is said on standard error and becomes the status: 1, 2, or 128 + the signal's number. */
export async function run(argv: readonly string[], surroundings: Surroundings, program: Program): Promise<number> {
  try {
    const line = askedForHelp(argv) ?? (await (await import('./args.js')).readCommandLine(argv));
    switch (line.kind) {
      case 'help':
        surroundings.stdout.write((await import('./help.js')).helpText(line.command));
        return 0;
      case 'version':
        surroundings.stdout.write(`crac-build ${(await import('./version.js')).readVersion()}\n`);
        return 0;
      case 'command':
        return await runCommand(line, argv, surroundings, program);
    }
  } catch (thrown) {
    return await reportFailure(thrown, argv, surroundings);
  }
}

/** `--help`, `COMMAND --help` and `--version` need no parser, whose loading is most of the time they would take. */
function askedForHelp(argv: readonly string[]): (CommandLine & { kind: 'help' | 'version' }) | null {
  const last = argv.at(-1);
  if (argv.length === 1 && last === '--version') return { kind: 'version' };
  if (last !== '--help' && last !== '-h') return null;
  if (argv.length === 1) return { kind: 'help', command: null };
  const command = commandNames.find((name) => name === argv[0]);
  return argv.length === 2 && command !== undefined ? { kind: 'help', command } : null;
}

async function runCommand(
  line: CommandLine & { kind: 'command' },
  argv: readonly string[],
  surroundings: Surroundings,
  program: Program,
): Promise<number> {
  const { lookOf } = await import('./render/look.js');
  using cancel = listenForCancel(surroundings, lookOf(surroundings.stderr, surroundings.env).unicode);
  const context = { surroundings, program, signal: cancel.signal };
  try {
    switch (line.name) {
      case 'build':
        return await (await import('./commands/build.js')).runBuild(line.given, context);
      case 'verify':
        return await (await import('./commands/verify.js')).runVerify(line.given, context);
      case 'bench':
        return await (await import('./commands/bench.js')).runBench(line.given, context);
      case 'inspect':
        return await (await import('./commands/inspect.js')).runInspect(line.given, context);
    }
  } catch (thrown) {
    const signal = cancel.received();
    // Something else failed where nobody caught it, and the work was stopped for that.
    if (signal === null) throw cancel.signal.aborted ? cancel.signal.reason : thrown;
    await reportFailure(cancelled(signal, thrown), argv, surroundings);
    return exitStatusOf(signal);
  }
}

/** What fails after a stop signal fails because of it. A failure that says more than that (a clean-up that did not work) is its cause. */
function cancelled(signal: StopSignal, thrown: unknown): CracError {
  const error = toCracError(thrown);
  if (error.code === 'CRAC-CANCELLED') return error;
  return CracError.of('CRAC-CANCELLED', { signal }, error.code === 'CRAC-INTERNAL' ? {} : { cause: error });
}

/** Says what failed and returns the exit status. */
export async function reportFailure(thrown: unknown, argv: readonly string[], { stdout, stderr, env }: Surroundings): Promise<number> {
  const [{ renderError, renderStacks }, { lookOf }] = await Promise.all([import('./render/error.js'), import('./render/look.js')]);
  const error = toCracError(thrown);
  const report = error.report();
  if (argv.includes('--json')) stdout.write(`${JSON.stringify({ error: report }, null, 2)}\n`);
  const raw = argv.includes('--progress=rawjson') || argv[argv.indexOf('--progress') + 1] === 'rawjson';
  stderr.write(
    raw
      ? `${JSON.stringify({ time: new Date().toISOString(), type: 'error', error: report })}\n`
      : renderError(report, lookOf(stderr, env)),
  );
  if (env['CRAC_BUILD_DEBUG'] === '1') stderr.write(renderStacks(error));
  return error.exit;
}
