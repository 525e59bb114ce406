import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import type { AttachReply } from '../../../../builder/attach/attach.js';
import { checkpointByJdk, type CracSubject } from '../../../../builder/checkpoint/crac.js';
import type { CriuRequest } from '../../../../builder/checkpoint/criu-relay.js';
import { CracError, type ErrorCode } from '../../../../builder/errors.js';

const times = { answerMs: 300, engineMs: 200 };
const never = new Promise<never>(() => undefined);

const refusal = `An exception during a checkpoint operation:
jdk.crac.CheckpointException
\tSuppressed: jdk.crac.impl.CheckpointOpenFileException: /var/log/app.log
`;

interface Scene {
  /** Of JDK.checkpoint. */
  readonly reply?: AttachReply | Error;
  /** The engine asks for a dump. */
  readonly asks?: boolean;
  readonly dump?: () => Promise<void>;
  readonly ends?: string;
  readonly says?: string;
  readonly kills?: number;
}

interface Seen {
  readonly error: CracError | undefined;
  readonly statuses: readonly number[];
}

async function play(scene: Scene): Promise<Seen> {
  const statuses: number[] = [];
  const output = ['ready'];
  let kills = 3;
  const { reply } = scene;
  let end: (how: string) => void = () => undefined;
  const ended = new Promise<string>((resolve) => (end = resolve));
  const subject: CracSubject = {
    jvm: {
      jcmd: async (line) => {
        if (line !== 'JDK.checkpoint') throw new Error(line);
        await sleep(5);
        if (scene.says !== undefined) output.push(scene.says);
        kills += scene.kills ?? 0;
        const { ends } = scene;
        if (ends !== undefined)
          setTimeout(() => {
            end(ends);
          }, 50);
        if (reply === undefined) return never;
        if (reply instanceof Error) throw reply;
        return reply;
      },
    },
    ended,
    lastLines: () => [...output],
    oomKills: () => Promise.resolve(kills),
  };
  const request: CriuRequest = { argv: ['dump'], answer: (status) => statuses.push(status), gone: never };
  const next = (): Promise<CriuRequest> => (scene.asks === true ? sleep(30, request) : never);
  try {
    await checkpointByJdk(subject, next, scene.dump ?? ((): Promise<void> => Promise.resolve()), times, new AbortController().signal);
    return { error: undefined, statuses };
  } catch (cause) {
    if (!(cause instanceof CracError)) throw cause;
    return { error: cause, statuses };
  }
}

async function fails(t: ExecutionContext, scene: Scene, code: ErrorCode, words: RegExp): Promise<Seen> {
  const seen = await play(scene);
  t.is(seen.error?.code, code);
  t.regex(seen.error?.message ?? '', words);
  return seen;
}

const good = { code: 0, text: 'CR: Checkpoint ...\n' };

test('the engine asks, and the dump is there', async (t) => {
  for (const reply of [good, { code: 0, text: '' }, { code: 0, text: 'Command executed successfully\n' }, undefined]) {
    const seen = await play({ asks: true, ...(reply !== undefined && { reply }) });
    t.is(seen.error, undefined);
    // Who asked is killed with the application, as by CRIU.
    t.deepEqual(seen.statuses, []);
  }
});

test('a connection that broke says nothing: the JVM was dumped while it answered', async (t) => {
  t.is((await play({ asks: true, reply: new Error('the JVM closed the connection without an answer') })).error, undefined);
});

test('a refusal', async (t) => {
  await fails(t, { reply: { code: 0, text: refusal } }, 'CRAC-JDK-OPEN-FILE', /\| \/var\/log\/app\.log/);
});

test('a dump that failed: the engine is told, and the reason is the dump’s', async (t) => {
  const dump = (): Promise<void> => Promise.reject(CracError.of('CRAC-CRIU-DUMP-FAILED', { reason: 'no', lastLines: [] }));
  const { statuses } = await fails(t, { reply: good, asks: true, dump }, 'CRAC-CRIU-DUMP-FAILED', /no/);
  t.deepEqual(statuses, [1]);
});

test('success is reported, and nothing happens', async (t) => {
  await fails(t, { reply: good }, 'CRAC-JDK-FALSE-SUCCESS', /reported success \(CR: Checkpoint \.\.\.\)/);
});

test('success is reported, and the engine says on the console that it failed', async (t) => {
  const says = 'JVM: invalid info for restore provided: queued code -1';
  await fails(t, { reply: good, says }, 'CRAC-JDK-ENGINE-FAILED', /queued code -1/);
});

test('a failure is reported, and the dump is there', async (t) => {
  await fails(t, { reply: { code: 0, text: refusal }, asks: true }, 'CRAC-JDK-FALSE-FAILURE', /files are open/);
  await fails(
    t,
    { reply: { code: 1, text: 'java.lang.RuntimeException: no\n' }, asks: true },
    'CRAC-JDK-FALSE-FAILURE',
    /RuntimeException: no/,
  );
});

test('killed without a dump', async (t) => {
  await fails(t, { reply: good, ends: 'signal 9' }, 'CRAC-JDK-EMPTY', /did not ask for a dump/);
});

test('killed for memory, which looks the same from outside', async (t) => {
  await fails(t, { ends: 'signal 9', kills: 1 }, 'CRAC-JDK-OUT-OF-MEMORY', /memory limit/);
});

test('it ended by itself', async (t) => {
  await fails(t, { ends: 'exit code 3' }, 'CRAC-APP-EXITED', /exit code 3\) in the checkpoint/);
});

test('no answer at all', async (t) => {
  await fails(t, {}, 'CRAC-JDK-TIMEOUT', /within 0 s/);
});

test('no connection', async (t) => {
  await fails(t, { reply: new Error('refused') }, 'CRAC-ATTACH-FAILED', /refused/);
});

test('cancelled', async (t) => {
  const cancel = new AbortController();
  const subject: CracSubject = { jvm: { jcmd: () => never }, ended: never, lastLines: () => [], oomKills: () => Promise.resolve(0) };
  const next = (signal: AbortSignal): Promise<CriuRequest> =>
    new Promise((_, reject) => {
      signal.addEventListener('abort', () => {
        reject(signal.reason as Error);
      });
    });
  const run = checkpointByJdk(subject, next, () => never, times, cancel.signal);
  cancel.abort(new Error('stop'));
  await t.throwsAsync(run);
});
