import test from 'ava';
import { describeOpenings, readOpenings } from '../../../../builder/agent/openings.js';
import { CracError } from '../../../../builder/errors.js';
import type { BuildEvent } from '../../../../builder/events.js';
import { explainFailure } from '../../../../builder/step/explain-failure.js';

const answer = JSON.stringify([
  {
    fd: 7,
    kind: 'java.io.FileInputStream',
    path: '/data/x',
    stack: ['java.base/java.io.FileInputStream.open(F.java:1)', 'shop.Orders.load(Orders.java:12)'],
  },
  { fd: 21, kind: 'sun.nio.ch.SocketChannelImpl', stack: ['java.base/sun.nio.ch.Net.socket(Net.java:9)'] },
]);

test('what the agent says', (t) => {
  t.deepEqual(describeOpenings(readOpenings(answer)), [
    'descriptor 7: java.io.FileInputStream /data/x, opened by shop.Orders.load(Orders.java:12)',
    'descriptor 21: sun.nio.ch.SocketChannelImpl, opened by java.base/sun.nio.ch.Net.socket(Net.java:9)',
  ]);
  for (const text of ['', 'no JSON', '{}', '[{"fd":"x"}]']) t.deepEqual(readOpenings(text), []);
  const many = Array.from({ length: 25 }, (_, fd) => ({ fd, kind: 'K', path: null, stack: [] }));
  t.is(describeOpenings(many).at(-1), '5 more descriptors');
});

async function toldOf(cause: unknown, text = answer): Promise<readonly string[]> {
  const events: BuildEvent[] = [];
  const agent = { explain: () => (text === 'gone' ? Promise.reject(new Error('gone')) : Promise.resolve(text)) };
  await explainFailure(cause, agent, (event) => events.push(event), new AbortController().signal);
  return events.flatMap((event) => (event.type === 'notice' ? [event.text] : []));
}

const failed = (code: 'CRAC-DUMP-DESCRIPTOR' | 'CRAC-DUMP-SOCKET' | 'CRAC-DUMP-SESSION', reason: string): CracError =>
  CracError.of(code, { reason, lastLines: [] });

test('the descriptor that a failure names, or all where it names none', async (t) => {
  const [file, socket] = describeOpenings(readOpenings(answer));
  t.deepEqual(await toldOf(failed('CRAC-DUMP-DESCRIPTOR', "Can't dump file 21 of that type [600]")), [socket]);
  t.deepEqual(await toldOf(failed('CRAC-DUMP-SOCKET', 'Unsupported proto 262')), [file, socket]);
});

test('native code, an agent that is gone, and failures of another kind', async (t) => {
  const native = failed('CRAC-DUMP-DESCRIPTOR', "Can't dump file 30 of that type [600]");
  t.regex((await toldOf(native)).join(), /^no class of the application is known to have opened it/);
  t.regex((await toldOf(native, 'gone')).join(), /^no class/);
  t.deepEqual(await toldOf(failed('CRAC-DUMP-SESSION', 'x')), []);
  t.deepEqual(await toldOf(new Error('x')), []);
});
