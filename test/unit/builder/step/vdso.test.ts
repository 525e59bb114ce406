import test from 'ava';
import { saveVdso } from '../../../../builder/step/vdso.js';
import { readVdso } from '../../../../images/tape/compile/saved-vdso.js';

test('the vDSO of a process is saved as it is', async (t) => {
  const saved = await saveVdso(process.pid);
  if (saved === undefined) {
    t.log('this kernel gives no vDSO');
    t.pass();
    return;
  }
  t.true(saved.areas.length > 0);
  for (const { address, sizeBytes } of saved.areas) t.true(address + sizeBytes <= saved.address);
  const { buildId, symbols } = readVdso(Buffer.from(saved.bytes));
  t.regex(buildId, /^[0-9a-f]{8,}$/u);
  t.true(symbols.has('__vdso_clock_gettime'));
});
