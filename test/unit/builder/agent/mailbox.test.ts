import test from 'ava';
import { Agent } from '../../../../builder/agent/agent.js';
import { commands, mailboxFields, mailboxMagic, states, type StateName } from '../../../../builder/agent/layout.js';
import { findMapping, Mailbox, type RemoteMemory } from '../../../../builder/agent/mailbox.js';
import { CracError } from '../../../../builder/errors.js';
import { generationFileBytes, generationPageBytes } from '../../../../images/tape/layout.js';

const never = new AbortController().signal;
const mapping = 0x7f00_0000_0000;

interface Heard {
  readonly command: number;
  readonly flags: number;
  readonly text: string;
}

/** An agent's end of the mailbox, in memory of this process: answers each command by `react`; undefined: not at all. */
function fakeAgent(react: (heard: Heard) => { readonly state: StateName; readonly text?: string } | undefined, version = 1) {
  const bytes = Buffer.alloc(generationFileBytes - generationPageBytes);
  const heard: Heard[] = [];
  const put = (field: keyof typeof mailboxFields, value: number) => bytes.writeUInt32LE(value, mailboxFields[field]);
  const get = (field: keyof typeof mailboxFields) => bytes.readUInt32LE(mailboxFields[field]);
  const textOf = () => bytes.toString('utf8', mailboxFields.text, mailboxFields.text + get('textBytes'));
  put('magic', mailboxMagic);
  put('version', version);
  put('state', states.idle);
  const memory: RemoteMemory = {
    read: (address, size) => Promise.resolve(Buffer.from(bytes.subarray(address - mapping - generationPageBytes).subarray(0, size))),
    write: (address, from) => {
      const at = address - mapping - generationPageBytes;
      from.copy(bytes, at);
      if (at !== mailboxFields.sequence) return Promise.resolve();
      const command = { command: get('command'), flags: get('flags'), text: textOf() };
      heard.push(command);
      const answer = react(command);
      if (answer === undefined) return Promise.resolve();
      put('state', states[answer.state]);
      put('textBytes', bytes.write(answer.text ?? '', mailboxFields.text));
      put('answered', get('sequence'));
      return Promise.resolve();
    },
    close: () => Promise.resolve(),
  };
  return { mailbox: new Mailbox(memory, mapping), heard, bytes };
}

const codeOf = async (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'none',
    (cause: unknown) => (cause instanceof CracError ? cause.code : String(cause)),
  );

test('the mapping is that of the whole file', (t) => {
  const line = (start: string, end: string, offset: string, path: string) => `${start}-${end} rw-p ${offset} 00:2a 77   ${path}`;
  const good = line('7f0000000000', '7f0000011000', '00000000', '/.crac-build/generation');
  const others = [
    line('7e0000000000', '7e0000011000', '00000000', '/.crac-build/generation2'),
    line('7e0000000000', '7e0000011000', '00000000', '/x/.crac-build/generation'),
    line('7e0000000000', '7e0000001000', '00000000', '/.crac-build/generation'),
    line('7e0000000000', '7e0000011000', '00001000', '/.crac-build/generation'),
    '7ffd00000000-7ffd00021000 rw-p 00000000 00:00 0                          [stack]',
  ];
  t.is(findMapping([...others, good, ''].join('\n')), mapping);
  t.is(findMapping(others.join('\n')), undefined);
  t.is(findMapping(''), undefined);
});

test('commands come in order, with what belongs to them', async (t) => {
  const { mailbox, heard } = fakeAgent(({ command }) => ({ state: command === commands.hold ? 'held' : 'prepared' }));
  const agent = new Agent(mailbox);
  t.is(await agent.state(), 'idle');
  t.deepEqual(await agent.prepare({ callbacks: true, scripted: ['A=1', 'B'] }, never), []);
  t.deepEqual(await agent.prepare({ callbacks: false, scripted: [] }, never), []);
  await agent.hold(never);
  t.is(await agent.state(), 'held');
  t.deepEqual(heard, [
    { command: 1, flags: 3, text: 'A=1\0B' },
    { command: 1, flags: 2, text: '' },
    { command: 2, flags: 0, text: '' },
  ]);
});

test('notices are told, other words as they are', async (t) => {
  const said = ['{"notices":[{"code":"tls","text":"keys of TLS sessions are shared"}],"more":1}', 'plain words', '', '{"notices":7}'];
  for (const [i, text] of said.entries()) {
    const { mailbox } = fakeAgent(() => ({ state: 'prepared', text }));
    const expected = [['keys of TLS sessions are shared'], ['plain words'], [], ['{"notices":7}']][i];
    t.deepEqual(await new Agent(mailbox).prepare({ callbacks: true, scripted: [] }, never), expected);
  }
});

test('a callback that throws is the application’s error', async (t) => {
  const { mailbox } = fakeAgent(() => ({ state: 'failed', text: 'com.acme.Busy: now\n\tat com.acme.Queue.stop(Queue.java:3)\n' }));
  const error = await t.throwsAsync(new Agent(mailbox).prepare({ callbacks: true, scripted: [] }, never), { instanceOf: CracError });
  t.is(error.code, 'CRAC-CALLBACK-FAILED');
  t.is(error.message, 'the application refused its checkpoint: com.acme.Busy: now\n  |   at com.acme.Queue.stop(Queue.java:3)');
});

test('states that make no sense, other versions, memory that is no mailbox', async (t) => {
  t.is(
    await codeOf(new Agent(fakeAgent(() => ({ state: 'idle' })).mailbox).prepare({ callbacks: true, scripted: [] }, never)),
    'CRAC-AGENT-FAILED',
  );
  t.is(await codeOf(new Agent(fakeAgent(() => ({ state: 'failed', text: 'no' })).mailbox).hold(never)), 'CRAC-AGENT-FAILED');
  t.is(await codeOf(fakeAgent(() => undefined, 2).mailbox.state()), 'CRAC-AGENT-FAILED');
  const strange = fakeAgent(() => undefined);
  strange.bytes.writeUInt32LE(99, mailboxFields.state);
  t.is(await codeOf(strange.mailbox.state()), 'CRAC-AGENT-FAILED');
  strange.bytes.writeUInt32LE(70_000, mailboxFields.textBytes);
  t.is(await codeOf(strange.mailbox.text()), 'CRAC-AGENT-FAILED');
  strange.bytes.writeUInt32LE(0, mailboxFields.magic);
  t.is(await codeOf(strange.mailbox.state()), 'CRAC-AGENT-FAILED');
});

test('an agent that does not answer is not waited for when the build is cancelled', async (t) => {
  const { mailbox } = fakeAgent(() => undefined);
  const stop = new AbortController();
  const asked = new Agent(mailbox).hold(stop.signal);
  stop.abort(new Error('cancelled'));
  await t.throwsAsync(asked, { name: 'AbortError' });
});

test('the reason of an abort reaches the agent, cut to what has room', async (t) => {
  const { mailbox, heard } = fakeAgent(() => ({ state: 'idle' }));
  await new Agent(mailbox).abort('x'.repeat(70_000), never);
  t.is(heard[0]?.command, commands.abort);
  t.is(heard[0]?.text.length, 65_000);
});
