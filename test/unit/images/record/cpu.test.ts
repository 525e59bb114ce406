import test from 'ava';
import { cpuBits, cpuWordSources, hasCpuBit, missingCpuBits, requiredWords, x86Level } from '../../../../images/record/cpu.js';

/** The words of a CPU that has exactly these bits. */
function wordsWith(...names: readonly string[]): bigint[] {
  const words = cpuWordSources.map(() => 0n);
  for (const name of names) {
    const bit = cpuBits.find((candidate) => candidate.name === name);
    if (bit === undefined) throw new Error(`no bit ${name}`);
    words[bit.word] = (words[bit.word] ?? 0n) | (1n << BigInt(bit.bit));
  }
  return words;
}

const v2 = ['cx16', 'lahf_lm', 'popcnt', 'sse3', 'sse4_1', 'sse4_2', 'ssse3'];
const v3 = [...v2, 'avx', 'avx2', 'bmi1', 'bmi2', 'f16c', 'fma', 'abm', 'movbe', 'osxsave'];
const v4 = [...v3, 'avx512f', 'avx512bw', 'avx512cd', 'avx512dq', 'avx512vl'];

test('names the level of the psABI', (t) => {
  t.is(x86Level(wordsWith()), 'x86-64-v1');
  t.is(x86Level(wordsWith(...v2)), 'x86-64-v2');
  t.is(x86Level(wordsWith(...v3)), 'x86-64-v3');
  t.is(x86Level(wordsWith(...v4)), 'x86-64-v4');
  t.is(x86Level(wordsWith(...v4.filter((name) => name !== 'bmi1'))), 'x86-64-v2');
});

test('a level leaves out what its flags mask', (t) => {
  const words = wordsWith(...v4, 'aes', 'amx_tile', 'adx', 'rdpid', 'hypervisor', 'x2apic', 'spec_ctrl', 'erms', 'xsavec');
  const native = requiredWords(words, 'native');
  t.true(hasCpuBit(native, 'avx512f'));
  t.false(hasCpuBit(native, 'hypervisor'));
  t.false(hasCpuBit(native, 'spec_ctrl'));
  t.false(hasCpuBit(native, 'erms'));
  t.deepEqual(requiredWords(words, 'x86-64-v4'), native);
  const third = requiredWords(words, 'x86-64-v3');
  t.false(hasCpuBit(third, 'avx512f'));
  t.false(hasCpuBit(third, 'amx_tile'));
  t.true(hasCpuBit(third, 'avx2'));
  t.true(hasCpuBit(third, 'aes'));
  t.true(hasCpuBit(third, 'osxsave'));
  const second = requiredWords(words, 'x86-64-v2');
  for (const masked of ['avx', 'avx2', 'bmi1', 'fma', 'aes', 'abm', 'xsavec']) t.false(hasCpuBit(second, masked), masked);
  // No flag keeps the JVM from these.
  for (const kept of ['sse4_2', 'adx', 'rdpid']) t.true(hasCpuBit(second, kept), kept);
});

test('a bit without a name is required', (t) => {
  const words = cpuWordSources.map(() => 0n);
  words[6] = 1n << 30n;
  t.deepEqual(requiredWords(words, 'x86-64-v2'), words);
  t.deepEqual(missingCpuBits(words, []), ['word6.30']);
});

test('a CPU of another vendor with the same level is good enough', (t) => {
  const amd = requiredWords(wordsWith(...v3, 'sse4a', 'misalignsse', 'clzero', 'mmxext', 'fpu_copy'), 'x86-64-v3');
  t.deepEqual(missingCpuBits(amd, wordsWith(...v3, 'waitpkg')), []);
  t.deepEqual(missingCpuBits(amd, wordsWith(...v2)), ['fma', 'movbe', 'osxsave', 'avx', 'f16c', 'bmi1', 'avx2', 'bmi2', 'abm']);
});

test('every named bit is in one place and has one name', (t) => {
  t.is(new Set(cpuBits.map((bit) => bit.name)).size, cpuBits.length);
  t.is(new Set(cpuBits.map((bit) => `${bit.word}.${bit.bit}`)).size, cpuBits.length);
  t.true(cpuBits.every((bit) => bit.word < cpuWordSources.length && bit.bit < 32));
});
