import test from 'ava';
import { cracOptions, detectCrac, engineName, parseFlags, type CracJdk, type JdkFiles } from '../../../../builder/checkpoint/crac-jdk.js';

/** As JDK 25 prints them. */
const printed = `[Global flags]
      int ActiveProcessorCount                     = -1                                        {product} {default}
    ccstr CRaCCheckpointTo                         =                                           {product} {default}
    ccstr CRaCEngine                               = warp                                      {product} {default}
ccstrlist CRaCEngineOptions                        = args=-v4,keep_running=false               {product} {command line}
     bool CRaCIgnoreRestoreIfUnavailable           = false                                     {product} {default}
     intx CICompilerCount                          = 3                                         {product} {ergonomic}
   double MaxRAMPercentage                         = 25.000000                                 {product} {default}
openjdk version "25" 2025-09-16
`;

/** As JDK 8 and 11 print them. */
const older = '    ccstr CREngine                                  := criuengine                          {product}\n';

const filesOf = (texts: Readonly<Record<string, string>>): JdkFiles => ({
  read: (path) => Promise.resolve(texts[path]),
  exists: (path) => Promise.resolve(path in texts),
});

const flagsOf = (engine: string, name = 'CRaCEngine'): Map<string, string> =>
  new Map([
    ['CRaCCheckpointTo', ''],
    [name, engine],
  ]);

test('flags are read with their values, however they were set', (t) => {
  const flags = parseFlags(printed);
  t.deepEqual(
    [...flags].filter(([name]) => name.startsWith('CRaC')),
    [
      ['CRaCCheckpointTo', ''],
      ['CRaCEngine', 'warp'],
      ['CRaCEngineOptions', 'args=-v4,keep_running=false'],
      ['CRaCIgnoreRestoreIfUnavailable', 'false'],
    ],
  );
  t.is(flags.get('MaxRAMPercentage'), '25.000000');
  t.is(flags.size, 7);
  t.is(parseFlags(older).get('CREngine'), 'criuengine');
});

test('the name of an engine', (t) => {
  t.is(engineName('criuengine'), 'criuengine');
  t.is(engineName('criuengine,--verbosity=4'), 'criuengine');
  t.is(engineName('/opt/engines/libwarp.so'), 'warp');
  t.is(engineName('/opt/engines/warp'), '/opt/engines/warp');
});

test('a JDK without the flag is no CRaC JDK, whatever its name', async (t) => {
  const found = await detectCrac(
    new Map([['MaxHeapSize', '1']]),
    '/jdk',
    filesOf({ '/jdk/release': 'IMPLEMENTOR="CRaC Inc."\nJAVA_VERSION="25"\n' }),
  );
  t.deepEqual(found, { jdk: undefined, reason: 'CRaC Inc. 25 is no CRaC JDK: it does not know -XX:CRaCCheckpointTo' });
});

test('a JDK whose engine is a program', async (t) => {
  const found = await detectCrac(
    flagsOf('criuengine,--verbosity=4', 'CREngine'),
    '/jdk',
    filesOf({ '/jdk/lib/criuengine': '', '/jdk/lib/criu': '' }),
  );
  t.deepEqual(found.jdk, {
    home: '/jdk',
    name: '/jdk',
    engine: 'criuengine,--verbosity=4',
    images: { kind: 'criu', by: 'variable', own: '/jdk/lib/criu' },
  });
});

test('a JDK whose engine is a library, which may have the name of the program', async (t) => {
  const files = filesOf({ '/jdk/lib/libcriuengine.so': '', '/jdk/lib/criuhelper': '', '/jdk/lib/criuengine': '' });
  for (const engine of ['criu', 'criuengine']) {
    const found = await detectCrac(flagsOf(engine), '/jdk', files);
    t.deepEqual(found.jdk?.images, { kind: 'criu', by: 'option', own: undefined });
  }
});

test('another engine has images of its own', async (t) => {
  const warp = await detectCrac(flagsOf('warp'), '/jdk', filesOf({ '/jdk/lib/libwarp.so': '', '/jdk/lib/criu': '' }));
  t.deepEqual(warp.jdk?.images, { kind: 'foreign' });
  const outside = await detectCrac(flagsOf('/opt/libown.so'), '/jdk', filesOf({ '/opt/libown.so': '' }));
  t.deepEqual(outside.jdk?.images, { kind: 'foreign' });
});

const unusable: readonly (readonly [string, Map<string, string>, RegExp])[] = [
  ['an engine that pretends', flagsOf('simengine'), /its engine simengine only pretends to make a checkpoint$/],
  ['its older name', flagsOf('pauseengine'), /only pretends/],
  ['an engine that is not there', flagsOf('warp'), /its engine warp is not in \/jdk\/lib$/],
  ['a CRIU engine that is not there', flagsOf('criuengine'), /its engine criuengine is not in \/jdk\/lib$/],
  ['an engine without a name', flagsOf(''), /its engine has no name$/],
  ['no engine to choose', new Map([['CRaCCheckpointTo', '']]), /of the first generation/],
];
for (const [what, flags, reason] of unusable) {
  test(`what cannot be used: ${what}`, async (t) => {
    const found = await detectCrac(flags, '/jdk', filesOf({}));
    t.is(found.jdk, undefined);
    t.regex('reason' in found ? found.reason : '', reason);
  });
}

const jdkWith = (images: CracJdk['images']): CracJdk => ({ home: '/jdk', name: 'a JDK', engine: 'x', images });

test('what the JVM is started with', (t) => {
  const program = cracOptions(jdkWith({ kind: 'criu', by: 'variable', own: undefined }), '/d', '/relay', '');
  t.deepEqual(program.environment, { CRAC_CRIU_PATH: '/relay' });
  t.deepEqual(program.jvm, ['-XX:+IgnoreUnrecognizedVMOptions', '-XX:CRaCCheckpointTo=/d', '-XX:-UsePerfData']);
  const library = cracOptions(jdkWith({ kind: 'criu', by: 'option', own: undefined }), '/d', '/relay', 'args=-v4,criu_location=/other');
  t.deepEqual(library.environment, {});
  t.is(library.jvm.at(-1), '-XX:CRaCEngineOptions=args=-v4,criu_location=/relay');
  t.deepEqual(cracOptions(jdkWith({ kind: 'foreign' }), '/d', '/relay', '').jvm.length, 3);
});
