import test from 'ava';
import { Cleanup } from '../../../../builder/engine/cleanup.js';

test('in reverse, once, on after failures; what was taken back stays', async (t) => {
  const cleanup = new Cleanup();
  const done: string[] = [];
  const undo = (name: string) => () => {
    done.push(name);
    return name === 'b' ? Promise.reject(new Error('stuck')) : Promise.resolve();
  };
  cleanup.defer('a', undo('a'));
  cleanup.defer('b', undo('b'));
  const keep = cleanup.defer('c', undo('c'));
  cleanup.defer('d', undo('d'));
  keep();
  keep();
  t.deepEqual(cleanup.pending, ['a', 'b', 'd']);
  const [first, second] = await Promise.all([cleanup.run(), cleanup.run()]);
  t.deepEqual(done, ['d', 'b', 'a']);
  t.deepEqual(first, [{ name: 'b', error: new Error('stuck') }]);
  t.is(first, second);
});

test('an undo that hangs is given up: its signal is aborted, the next one runs', async (t) => {
  const cleanup = new Cleanup(20);
  let told: AbortSignal | undefined;
  let next = false;
  cleanup.defer('next', () => {
    next = true;
    return Promise.resolve();
  });
  cleanup.defer('hangs', (signal) => {
    told = signal;
    return new Promise(() => undefined);
  });
  const failures = await cleanup.run();
  t.deepEqual(
    failures.map(({ name }) => name),
    ['hangs'],
  );
  t.true(next);
  t.true(told?.aborted);
});

test('what is deferred while it runs is undone as well', async (t) => {
  const cleanup = new Cleanup();
  const done: string[] = [];
  const undo = (name: string) => () => {
    done.push(name);
    return Promise.resolve();
  };
  cleanup.defer('first', () => {
    cleanup.defer('late', undo('late'));
    return undo('first')();
  });
  await cleanup.run();
  t.deepEqual(done, ['first', 'late']);
});

test('an undo that throws at once is a failure like others', async (t) => {
  const cleanup = new Cleanup();
  cleanup.defer('bad', () => {
    throw new Error('at once');
  });
  t.deepEqual(await cleanup.run(), [{ name: 'bad', error: new Error('at once') }]);
});
