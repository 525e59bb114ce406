import test from 'ava';
import { FormatError } from '../../../../images/errors.js';
import { findClockSlots } from '../../../../images/hotspot/clock-slots.js';
import { fakeLibrary, type LibraryOptions } from './fake-library.js';
import { FakeMemory } from './fake-memory.js';

const base = 0x7f00_0000_0000n;
const libc = 0x7e00_0000_0000n;
const description = { fields: {}, types: {}, intConstants: {} };
const clock = ['clock_gettime', libc + 0x40n] as const;
const wait = ['pthread_cond_timedwait', libc + 0x80n] as const;

function memoryOf(calls: LibraryOptions['calls'] = [], relocated = true): FakeMemory {
  const memory = new FakeMemory();
  memory.map(libc, Buffer.alloc(4096), '/lib/libc.so.6');
  memory.map(base, fakeLibrary(base, description, { calls, relocated }), '/jvm/lib/server/libjvm.so');
  return memory;
}

test('the slots of both functions, among others, in a library that is relocated or not', async (t) => {
  for (const relocated of [true, false]) {
    const memory = memoryOf([['malloc', libc], clock, ['pthread_cond_wait', libc + 8n], wait], relocated);
    const { gettime, timedwait } = await findClockSlots(memory);
    for (const [slot, [, target]] of [
      [gettime, clock],
      [timedwait, wait],
    ] as const) {
      t.is(slot.calls, target);
      t.is(Buffer.from(await memory.read(slot.at, 8)).readBigUInt64LE(), target);
    }
  }
});

test('a JVM that is built in another way is refused with the reason', async (t) => {
  const cases: readonly [memory: FakeMemory, message: RegExp][] = [
    [new FakeMemory(), /has no libjvm\.so mapped/],
    [memoryOf([]), /has 0 slots for clock_gettime, not one/],
    [memoryOf([clock]), /has 0 slots for pthread_cond_timedwait, not one/],
    [memoryOf([clock, wait, clock]), /has 2 slots for clock_gettime, not one/],
    [memoryOf([clock, ['pthread_cond_timedwait', base + 0x10n]]), /slot of pthread_cond_timedwait is not bound/],
    [memoryOf([['clock_gettime', 0n], wait]), /slot of clock_gettime is not bound/],
  ];
  for (const [memory, message] of cases) {
    await t.throwsAsync(findClockSlots(memory), { instanceOf: FormatError, message });
  }
});
