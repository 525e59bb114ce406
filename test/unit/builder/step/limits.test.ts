import test from 'ava';
import { mostMemoryBytes, processorsOfJvm } from '../../../../builder/step/limits.js';
import type { Pages } from '../../../../builder/step/pages.js';
import type { PlannedRange } from '../../../../images/pages/plan.js';

const range = (start: number, end: number, source: PlannedRange['source']): PlannedRange => ({ start, end, source, offset: 0 });

const planOf = (...ranges: readonly PlannedRange[]): Pages['plan'] =>
  ({ processes: [{ pid: 40, pagesId: 1, vmas: [{ ranges }] }], storeBytes: 0, storeSha256: '' }) as unknown as Pages['plan'];

const heap = (start: number, end: number): Pages['knowledge'] =>
  new Map([[40, { free: [], regions: [{ start, end, kind: 'Java heap' }], otherAllocator: false }]]);

test('a full heap in the place of what is in use of it', (t) => {
  const plan = planOf(
    range(0, 100, 'copy'),
    range(1000, 1400, 'store'),
    range(1400, 1500, 'zero'),
    range(1500, 1600, 'copy'),
    range(1950, 2100, 'store'),
  );
  // 400 + 100 + 50 of the heap are in the checkpoint, of 1000 that are reserved.
  t.is(mostMemoryBytes({ plan, knowledge: heap(1000, 2000) }, 750), 750 + 1000 - 550);
});

test('nothing is told where no heap is known', (t) => {
  t.is(mostMemoryBytes({ plan: planOf(range(0, 100, 'copy')), knowledge: new Map() }, 100), 0);
});

test('a JVM that was told how many processors to count', (t) => {
  t.is(processorsOfJvm(['java', '-jar', 'app.jar'], { JAVA_TOOL_OPTIONS: '-Xmx1g' }, 8), 8);
  t.is(processorsOfJvm(['java', '-XX:ActiveProcessorCount=2', 'Main'], {}, 8), 0);
  t.is(processorsOfJvm(['/start.sh'], { JDK_JAVA_OPTIONS: '-Xmx1g -XX:ActiveProcessorCount=2' }, 8), 0);
});
