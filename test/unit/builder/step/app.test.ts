import { spawn } from 'node:child_process';
import test, { type ExecutionContext } from 'ava';
import { CracError } from '../../../../builder/errors.js';
import { App, appPid, type AppCommand } from '../../../../builder/step/app.js';

const command: AppCommand = {
  argv: ['java', '-jar', '/app.jar'],
  cwd: '/srv',
  user: { uid: 1000, gid: 2000, groups: [2000, 3001], home: '/home/app' },
  environment: { COLOUR: 'blue' },
  dropCapabilities: '2280000',
};
const idle = new AbortController().signal;
const started = 'echo \'{"event":"started","initPid":11,"appPid":12}\' >&3;';
const exited = (how: string): string => `echo '{"event":"exited",${how}}' >&3;`;

interface Begun {
  readonly args: readonly string[];
  readonly env: unknown;
  readonly lines: readonly string[];
  readonly app: Promise<App>;
}

/** Starts an application whose crac-init is a shell with this text; descriptor 3 is for its status. */
function begin(text: string, path = '/bin/sh', more: Partial<AppCommand> = {}): Begun {
  const lines: string[] = [];
  let given: { args: readonly string[]; env: unknown } = { args: [], env: {} };
  const app = App.start(
    { ...command, ...more },
    (stream, line) => lines.push(`${stream} ${line}`),
    (args, { env, stdio }) => {
      given = { args, env };
      return spawn(path, ['-c', text], { stdio, env: { PATH: '/usr/bin:/bin' } });
    },
  );
  return { ...given, lines, app };
}

async function refusal(t: ExecutionContext, text: string, path?: string): Promise<CracError> {
  return t.throwsAsync(begin(text, path).app, { instanceOf: CracError });
}

test('crac-init is told everything about the command', async (t) => {
  const { args, env, app } = begin(`${started} ${exited('"code":0')}`);
  await (
    await app
  ).exit;
  t.deepEqual(args, [
    ...['@app', '--pid', String(appPid), '--uid', '1000', '--gid', '2000', '--groups', '2000,3001'],
    ...['--cwd', '/srv', '--drop-caps', '2280000', '--status-fd', '3', '--', 'java', '-jar', '/app.jar'],
  ]);
  t.deepEqual(env, { COLOUR: 'blue' });
});

test('crac-init is told where the clocks begin', async (t) => {
  const { args, app } = begin(started, '/bin/sh', { clockSeconds: '90000' });
  await (
    await app
  ).exit;
  t.deepEqual(args.slice(args.indexOf('3'), -3), ['3', '--clock-seconds', '90000', '--']);
});

test('it has PIDs and lines while it lives, and an end', async (t) => {
  const { app: starting, lines } = begin(`${started} echo ready; echo odd >&2; sleep 0.2; echo last; ${exited('"code":3')}`);
  const app = await starting;
  t.is(app.initPid, 11);
  t.is(app.pid, 12);
  t.is(app.exited, undefined);
  app.assertAlive('before it was ready');
  t.is(await app.exit, 'exit code 3');
  t.is(app.exited, 'exit code 3');
  // Two pipes: which of them is read first is not said.
  t.deepEqual([...lines].sort(), ['stderr odd', 'stdout last', 'stdout ready']);
  t.deepEqual([...app.lastLines].sort(), ['last', 'odd', 'ready']);
  const error = t.throws(
    () => {
      app.assertAlive('in the warm-up');
    },
    { instanceOf: CracError },
  );
  t.is(error.code, 'CRAC-APP-EXITED');
  t.regex(error.message, /ended \(exit code 3\) in the warm-up; its last lines:\n(.|\n)* {2}\| last/);
});

test('an end by a signal; an end of crac-init itself', async (t) => {
  t.is(await (await begin(`${started} ${exited('"signal":9')}`).app).exit, 'signal 9');
  t.is(await (await begin(`${started} kill -SEGV $$`).app).exit, 'crac-init: SIGSEGV');
  t.is(await (await begin(`${started} exit 4`).app).exit, 'crac-init: exit code 4');
});

const failed = (stage: string, errno: number): string => `echo '{"event":"failed","stage":"${stage}","errno":${errno}}' >&3; exit 1`;

test('a command that cannot be run', async (t) => {
  for (const [stage, errno, message] of [
    ['exec', 2, /java -jar \/app\.jar: exec: no such file or directory$/],
    ['exec', 8, /exec: not an executable format/],
    ['exec', 13, /permission denied/],
    ['directory', 20, /directory: not a directory/],
    ['exec', 99, /exec: errno 99/],
    // What the command itself is not allowed to do is no right of the container.
    ['exec', 1, /exec: operation not permitted/],
  ] as const) {
    const error = await refusal(t, failed(stage, errno));
    t.is(error.code, 'CRAC-APP-START-FAILED');
    t.regex(error.message, message);
  }
});

test('a right that crac-init does not have', async (t) => {
  for (const stage of ['namespaces', 'clocks', 'mounts', 'pid', 'fork', 'capabilities', 'user']) {
    const error = await refusal(t, failed(stage, 1));
    t.is(error.code, 'CRAC-ENGINE-REFUSED');
    t.regex(error.message, new RegExp(`a right of the build container: ${stage}: operation not permitted`));
  }
});

test('crac-init cannot be started, or says nothing', async (t) => {
  t.regex((await refusal(t, '', '/nowhere/init')).message, /ENOENT/);
  t.is((await refusal(t, 'exit 0')).code, 'CRAC-APP-START-FAILED');
});

test('work beside the application: its value, its failure, or the end of the application', async (t) => {
  const app = await begin(`${started} echo hello; exec sleep 1000`).app;
  t.is(await app.whileAlive('in the warm-up', () => Promise.resolve(7), idle), 7);
  const failure = new Error('no');
  t.is(await t.throwsAsync(app.whileAlive('in the warm-up', () => Promise.reject(failure), idle)), failure);

  let stopped = false;
  const waiting = app.whileAlive(
    'in the warm-up',
    (signal) =>
      new Promise<never>((_, reject) => {
        signal.addEventListener('abort', () => {
          stopped = true;
          reject(new Error('stopped'));
        });
      }),
    idle,
  );
  app.kill();
  const error = await t.throwsAsync(waiting, { instanceOf: CracError });
  t.is(error.code, 'CRAC-APP-EXITED');
  t.regex(error.message, /in the warm-up/);
  t.true(stopped);
});

test('a failure that the end of the application has caused is told as that end', async (t) => {
  const app = await begin(`${started} sleep 0.1; ${exited('"code":9')}`).app;
  // Refused connections come before the end is known.
  const error = await t.throwsAsync(
    app.whileAlive('in the warm-up', () => Promise.reject(new Error('connection refused')), idle),
    { instanceOf: CracError },
  );
  t.is(error.code, 'CRAC-APP-EXITED');
  t.regex(error.message, /exit code 9/);
});

test('work that is cancelled fails with its reason at once', async (t) => {
  const app = await begin(`${started} exec sleep 1000`).app;
  const stop = new AbortController();
  const reason = new Error('cancelled');
  const working = app.whileAlive(
    'in the warm-up',
    (signal) =>
      new Promise<never>((_, reject) => {
        signal.addEventListener('abort', () => {
          reject(signal.reason as Error);
        });
      }),
    stop.signal,
  );
  stop.abort(reason);
  t.is(await t.throwsAsync(working), reason);
  app.kill();
  await app.exit;
});
