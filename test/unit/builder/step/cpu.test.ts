import test from 'ava';
import fc from 'fast-check';
import { CracError } from '../../../../builder/errors.js';
import { chooseCpuOn, cpuEvidence, unusedState, type HostCpu } from '../../../../builder/step/cpu.js';
import { cpuBits, cpuWordSources, hasCpuBit, missingCpuBits } from '../../../../images/record/cpu.js';

/** A CPU that has exactly these bits. */
function hostWith(...names: readonly string[]): HostCpu {
  const words = cpuWordSources.map(() => 0n);
  for (const name of names) {
    const bit = cpuBits.find((candidate) => candidate.name === name);
    if (bit === undefined) throw new Error(`no bit ${name}`);
    words[bit.word] = (words[bit.word] ?? 0n) | (1n << BigInt(bit.bit));
  }
  return { words, xcr0: 7n, vendor: 'GenuineIntel', brand: 'a CPU', processors: 2 };
}

const v2 = ['cx16', 'lahf_lm', 'popcnt', 'sse3', 'sse4_1', 'sse4_2', 'ssse3'];
const v3 = [...v2, 'avx', 'avx2', 'bmi1', 'bmi2', 'f16c', 'fma', 'abm', 'movbe', 'osxsave'];
const v4 = [...v3, 'avx512f', 'avx512bw', 'avx512cd', 'avx512dq', 'avx512vl'];

interface Mask {
  /** A flag of HotSpot. */
  readonly jvm?: string;
  /** A name of glibc.cpu.hwcaps. */
  readonly libc?: string;
  /** A variable, where neither is needed. */
  readonly variable?: string;
  /** Neither HotSpot (up to 25) nor glibc (up to 2.42) has code with it. */
  readonly unused?: true;
}

const avxOff: Mask = { jvm: '-XX:UseAVX=0' };
const unused: Mask = { unused: true };

/** What keeps JVM and libc from each bit that --cpu=x86-64-v2 does not require. */
const v3Masks: Readonly<Record<string, Mask>> = {
  pclmulqdq: { jvm: '-XX:-UseCLMUL' },
  fma: { jvm: '-XX:-UseFMA', libc: 'FMA' },
  movbe: { libc: 'MOVBE' },
  aes: { jvm: '-XX:-UseAES' },
  avx: { ...avxOff, libc: 'AVX' },
  f16c: avxOff,
  bmi1: { jvm: '-XX:-UseBMI1Instructions', libc: 'BMI1' },
  avx2: { ...avxOff, libc: 'AVX2' },
  bmi2: { jvm: '-XX:-UseBMI2Instructions', libc: 'BMI2' },
  sha_ni: { jvm: '-XX:-UseSHA' },
  // HotSpot counts these two as parts of AVX-512.
  vaes: avxOff,
  vpclmulqdq: avxOff,
  sha512: { jvm: '-XX:-UseSHA' },
  sm3: unused,
  sm4: unused,
  avx_vnni: unused,
  avx_ifma: avxOff,
  avx_vnni_int8: unused,
  avx_ne_convert: unused,
  avx_vnni_int16: unused,
  // Lazy binding saves registers with it.
  xsavec: { variable: 'LD_BIND_NOW' },
  abm: { jvm: '-XX:-UseCountLeadingZerosInstruction', libc: 'LZCNT' },
  xop: unused,
  fma4: { libc: 'FMA4' },
  tbm: unused,
};

/** UseAVX=2 takes all of AVX-512, AVX10 and APX from HotSpot; glibc has code for these five. */
const v4Masks: Readonly<Record<string, Mask>> = {
  avx512f: { libc: 'AVX512F' },
  avx512vl: { libc: 'AVX512VL' },
  avx512bw: { libc: 'AVX512BW' },
  avx512cd: { libc: 'AVX512CD' },
  avx512dq: { libc: 'AVX512DQ' },
};

const tunablesOf = (environment: Readonly<Record<string, string>>): readonly string[] =>
  (environment['GLIBC_TUNABLES'] ?? '').replace('glibc.cpu.hwcaps=', '').split(',');

for (const bit of cpuBits.filter(({ kind }) => kind === 'v3')) {
  test(`x86-64-v2 is kept from ${bit.name}`, (t) => {
    const mask = v3Masks[bit.name];
    if (mask === undefined) return t.fail('nothing masks it: give chooseCpuOn a flag, or require it always');
    const { level, jvmOptions, environment, requiredWords } = chooseCpuOn(hostWith(...v2, bit.name), 'x86-64-v2');
    t.is(level, 'x86-64-v2');
    t.false(hasCpuBit(requiredWords, bit.name));
    if (mask.jvm !== undefined) t.true(jvmOptions.includes(mask.jvm));
    if (mask.libc !== undefined) t.true(tunablesOf(environment).includes(`-${mask.libc}`));
    if (mask.variable !== undefined) t.is(environment[mask.variable], '1');
  });
}

for (const bit of cpuBits.filter(({ kind }) => kind === 'v4')) {
  test(`x86-64-v3 and below are kept from ${bit.name}`, (t) => {
    for (const [level, option, host] of [
      ['x86-64-v3', '-XX:UseAVX=2', v3],
      ['x86-64-v2', '-XX:UseAVX=0', v2],
    ] as const) {
      const { jvmOptions, environment, requiredWords } = chooseCpuOn(hostWith(...host, bit.name), level);
      t.false(hasCpuBit(requiredWords, bit.name));
      t.true(jvmOptions.includes(option));
      const libc = v4Masks[bit.name]?.libc;
      if (libc !== undefined) t.true(tunablesOf(environment).includes(`-${libc}`));
    }
  });
}

test('the tables of this test are about bits there are', (t) => {
  const names = (kind: string): readonly string[] => cpuBits.filter((bit) => bit.kind === kind).map(({ name }) => name);
  t.deepEqual(
    Object.keys(v3Masks).filter((name) => !names('v3').includes(name)),
    [],
  );
  t.deepEqual(
    Object.keys(v4Masks).filter((name) => !names('v4').includes(name)),
    [],
  );
});

test('glibc: what goes by other marks than the features is masked as well', (t) => {
  const second = tunablesOf(chooseCpuOn(hostWith(...v4), 'x86-64-v2').environment);
  const third = tunablesOf(chooseCpuOn(hostWith(...v4), 'x86-64-v3').environment);
  for (const name of ['AVX_Fast_Unaligned_Load', 'AVX_Usable', 'AVX2_Usable', 'FMA_Usable', 'AVX512F_Usable']) {
    t.true(second.includes(`-${name}`), name);
  }
  t.true(third.includes('-AVX512F_Usable'));
  t.false(third.includes('-AVX_Fast_Unaligned_Load'));
  t.deepEqual(second.slice(0, third.length), third);
  t.true(second.every((name) => /^-\w+$/.test(name)));
});

test('the level: what is wanted, else x86-64-v3, else native', (t) => {
  t.is(chooseCpuOn(hostWith(...v4), null).level, 'x86-64-v3');
  t.is(chooseCpuOn(hostWith(...v3), null).level, 'x86-64-v3');
  t.is(chooseCpuOn(hostWith(...v2, 'avx'), null).level, 'native');
  t.is(chooseCpuOn(hostWith(...v4), 'x86-64-v4').level, 'x86-64-v4');
  t.is(chooseCpuOn(hostWith(...v2), 'native').level, 'native');
  const error = t.throws(() => chooseCpuOn(hostWith(...v2), 'x86-64-v3'), { instanceOf: CracError });
  t.is(error.code, 'CRAC-USAGE-FLAG');
  t.regex(error.hint, /x86-64-v2 or lower/);
});

test('nothing to mask, nothing given', (t) => {
  for (const [host, wanted] of [
    [v3, null],
    [v4, 'x86-64-v4'],
    [v4, 'native'],
    [v2, 'x86-64-v2'],
  ] as const) {
    const { jvmOptions, environment } = chooseCpuOn(hostWith(...host), wanted);
    t.deepEqual(jvmOptions, []);
    t.deepEqual(environment, { LD_BIND_NOW: '1' });
  }
});

const anyHost = fc
  .array(fc.bigInt(0n, 0xffff_ffffn), { minLength: cpuWordSources.length, maxLength: cpuWordSources.length })
  .map((words): HostCpu => ({ words, xcr0: 7n, vendor: '', brand: '', processors: 2 }));

test('any CPU: what is required is there, and what is left out is masked or of no use', (t) => {
  fc.assert(
    fc.property(anyHost, fc.constantFrom('x86-64-v2', 'x86-64-v3', 'x86-64-v4', 'native', null), (host, wanted) => {
      let choice;
      try {
        choice = chooseCpuOn(host, wanted);
      } catch (cause) {
        return cause instanceof CracError && cause.code === 'CRAC-USAGE-FLAG';
      }
      const kinds = new Map(cpuBits.map(({ name, kind }) => [name, kind]));
      const left = missingCpuBits(host.words, choice.requiredWords).map((name) => kinds.get(name) ?? 'unknown');
      const masked = left.some((kind) => kind === 'v3' || kind === 'v4');
      return (
        missingCpuBits(choice.requiredWords, host.words).length === 0 &&
        !left.includes('always') &&
        !left.includes('unknown') &&
        masked === choice.jvmOptions.length > 0 &&
        missingCpuBits(choice.requiredWords, choice.unmaskedWords).length === 0
      );
    }),
  );
  t.pass();
});

const third = chooseCpuOn(hostWith(...v4), 'x86-64-v3');
const tunables = third.environment['GLIBC_TUNABLES'] ?? '';

function environ(variables: Readonly<Record<string, string>>): string {
  return Object.entries(variables)
    .map(([name, value]) => `${name}=${value}\0`)
    .join('');
}

test('evidence: the JVM got what it was given', (t) => {
  const given = { PATH: '/bin', LD_BIND_NOW: '1', GLIBC_TUNABLES: tunables, JAVA_TOOL_OPTIONS: '-Dx=y -XX:UseAVX=2' };
  t.deepEqual(cpuEvidence(third, environ(given), 2), { bound: true, masked: true });
  // Tunables of the image's own stand before ours; a JVM that was not asked is believed.
  t.deepEqual(cpuEvidence(third, environ({ ...given, GLIBC_TUNABLES: `glibc.malloc.arena_max=1:${tunables}` }), undefined), {
    bound: true,
    masked: true,
  });
});

test('evidence: an entry point that starts the JVM with another environment, or with other options', (t) => {
  const given = { LD_BIND_NOW: '1', GLIBC_TUNABLES: tunables, JAVA_TOOL_OPTIONS: '-XX:UseAVX=2' };
  t.deepEqual(cpuEvidence(third, '', 2), { bound: false, masked: false });
  t.deepEqual(cpuEvidence(third, environ({ ...given, LD_BIND_NOW: '' }), 2), { bound: false, masked: true });
  t.false(cpuEvidence(third, environ({ ...given, GLIBC_TUNABLES: '' }), 2).masked);
  t.false(cpuEvidence(third, environ({ ...given, JAVA_TOOL_OPTIONS: '' }), 2).masked);
  // -XX:UseAVX=3 on the command line comes after JAVA_TOOL_OPTIONS.
  t.false(cpuEvidence(third, environ(given), 3).masked);
  const second = chooseCpuOn(hostWith(...v4), 'x86-64-v2');
  const options = { ...second.environment, JAVA_TOOL_OPTIONS: second.jvmOptions.join(' ') };
  t.true(cpuEvidence(second, environ(options), 0).masked);
  t.false(cpuEvidence(second, environ(options), 1).masked);
});

test('evidence: nothing was to be masked', (t) => {
  t.deepEqual(cpuEvidence(chooseCpuOn(hostWith(...v3), null), 'LD_BIND_NOW=1\0', 3), { bound: true, masked: true });
});

test('state that nothing was allowed to use may be lost, where that is known', (t) => {
  const [avx, avx512] = [0x4n, 0xe0n];
  t.is(unusedState({ level: 'x86-64-v2' }, { masked: true }), avx | avx512);
  t.is(unusedState({ level: 'x86-64-v3' }, { masked: true }), avx512);
  t.is(unusedState({ level: 'x86-64-v4' }, { masked: true }), 0n);
  t.is(unusedState({ level: 'native' }, { masked: true }), 0n);
  t.is(unusedState({ level: 'x86-64-v2' }, { masked: false }), 0n);
});
