import test from 'ava';
import type { BuildEvent } from '../../../../builder/events.js';
import { dumpWithoutCaught } from '../../../../builder/step/dump.js';

/** Dumps that catch these threads, one after the other, then none; gives what was done and told. */
async function play(caught: readonly (readonly string[])[]): Promise<{ done: readonly string[]; told: readonly BuildEvent[] }> {
  const done: string[] = [];
  const told: BuildEvent[] = [];
  const left = [...caught];
  const note = (what: string): Promise<void> => {
    done.push(what);
    return Promise.resolve();
  };
  await dumpWithoutCaught(
    {
      dump: () => note('dump'),
      findCaught: async () => {
        await note('look');
        return left.shift() ?? [];
      },
      letRun: () => note('run'),
    },
    (event) => told.push(event),
  );
  return { done, told };
}

test('a dump that caught nobody is the only one', async (t) => {
  t.deepEqual(await play([]), { done: ['dump', 'look'], told: [] });
});

test('a dump that caught somebody is made again, after a moment, and told', async (t) => {
  const { done, told } = await play([['one', 'two', 'three', 'four']]);
  t.deepEqual(done, ['dump', 'look', 'run', 'dump', 'look']);
  t.deepEqual(told, [{ type: 'notice', step: 'checkpoint', text: 'dumped once more: one, two, three' }]);
});

test('the eighth is kept as it is', async (t) => {
  const { done, told } = await play(Array.from({ length: 20 }, () => ['one']));
  t.is(done.filter((what) => what === 'dump').length, 8);
  t.is(told.length, 7);
  t.is(done.at(-1), 'dump');
});
