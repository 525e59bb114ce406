/** Images and names that cannot be built from, or to. */
import { createHash } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import test from 'ava';
import { execa } from 'execa';
import { pack } from 'tar-stream';
import { crac } from '../support/cli.js';
import { docker, plainImage, removeImages, runId } from '../support/docker.js';
import { fixtures } from '../support/misfit.js';
import { assertRefused } from '../support/refusal.js';

const context = `${fixtures}/small`;

test.after.always(removeImages);

test('an unknown image, not to be pulled', async (t) => {
  await assertRefused(t, ['--from', 'localhost/crac-build-nowhere:1', '--pull=never'], {
    code: 'CRAC-IMAGE-UNKNOWN',
    exit: 1,
    what: /no image localhost\/crac-build-nowhere:1 \(pull policy: never\)/,
    hint: /docker images/,
  });
});

test('an unknown image, that cannot be pulled', async (t) => {
  // A port of this machine where nothing listens: no name is looked up.
  const { error } = await assertRefused(t, ['--from', '127.0.0.1:9/nowhere:1'], {
    code: 'CRAC-IMAGE-PULL-FAILED',
    exit: 1,
    what: /127\.0\.0\.1:9\/nowhere:1 could not be pulled: .*connection refused/,
    hint: /docker login/,
  });
  t.notRegex([error.what, ...error.causes].join('\n'), /HTTP code/, "the engine's words, not the client library's");
});

test('an image without a JVM', async (t) => {
  const image = await plainImage(t, 'no-jvm', 'FROM scratch\nCOPY target/classes /app\nENTRYPOINT ["/app/run"]\n', context);
  await assertRefused(t, ['--from', image], {
    code: 'CRAC-IMAGE-NO-JVM',
    exit: 1,
    what: /has no Java run time \(searched .*\/usr\/bin\/java.*\)/,
    hint: /JAVA_HOME/,
  });
});

test('an image with a JVM for musl', async (t) => {
  const text =
    'FROM scratch\nCOPY target/classes/Small.class /usr/bin/java\nCOPY target/classes/Small.class /lib/ld-musl-x86_64.so.1\nENTRYPOINT ["java"]\n';
  const image = await plainImage(t, 'musl', text, context);
  await assertRefused(t, ['--from', image], { code: 'CRAC-IMAGE-MUSL', exit: 1, what: /musl build/, hint: /glibc/ });
});

test('an image without a command', async (t) => {
  const image = await plainImage(t, 'no-command', 'FROM scratch\nCOPY target/classes /app\n', context);
  await assertRefused(t, ['--from', image], {
    code: 'CRAC-IMAGE-NO-COMMAND',
    exit: 1,
    what: /neither ENTRYPOINT nor CMD/,
    hint: /command that starts/,
  });
});

test('an image that has a checkpoint already', async (t) => {
  const text = 'FROM scratch\nCOPY target/classes /app\nLABEL dev.crac-build.version=1\nCMD ["java"]\n';
  const image = await plainImage(t, 'baked', text, context);
  const expected = { code: 'CRAC-IMAGE-ALREADY-BAKED', exit: 2, what: /baked has a checkpoint already$/, hint: /from the image/ } as const;
  await assertRefused(t, ['--from', image], { ...expected, hint: /again from what it was made from/ });
  await assertRefused(t, ['--from', image, '--dry-run'], { ...expected, hint: /again from what it was made from/ });
  const named = await plainImage(t, 'baked-named', `FROM ${image}\nLABEL dev.crac-build.base-name=app:1\n`, context);
  await assertRefused(t, ['--from', named], { ...expected, what: /baked-named has a checkpoint/, hint: /^Build from app:1, the image/ });
  // Without the labels it shows by its entry point.
  const stripped = 'FROM scratch\nCOPY target/classes /app\nENTRYPOINT ["/.crac-build/init", "java"]\n';
  await assertRefused(t, ['--from', await plainImage(t, 'baked-stripped', stripped, context)], {
    ...expected,
    what: /baked-stripped has a checkpoint/,
    hint: /again from what it was made from/,
  });
});

/** An archive of `docker save` with one empty layer. */
async function archive(name: string, architecture: string): Promise<Buffer> {
  const layer = pack();
  layer.finalize();
  const bytes = await buffer(layer);
  const config = {
    architecture,
    os: 'linux',
    config: { Cmd: ['java'] },
    rootfs: { type: 'layers', diff_ids: [`sha256:${createHash('sha256').update(bytes).digest('hex')}`] },
  };
  const tar = pack();
  tar.entry({ name: 'layer.tar' }, bytes);
  tar.entry({ name: 'config.json' }, JSON.stringify(config));
  tar.entry({ name: 'manifest.json' }, JSON.stringify([{ Config: 'config.json', RepoTags: [name], Layers: ['layer.tar'] }]));
  tar.finalize();
  return buffer(tar);
}

test('an image of another processor: emulated processes cannot be dumped', async (t) => {
  const other = process.arch === 'arm64' ? 'amd64' : 'arm64';
  const image = `crac-build-test-${runId}/other:1`;
  await execa('docker', ['load'], { input: await archive(image, other) });
  const expected = {
    code: 'CRAC-PLATFORM-EMULATED',
    exit: 1,
    what: new RegExp(`is for linux/${other}, the engine runs on linux/.*cannot be checkpointed`),
    hint: new RegExp(`Build on a linux/${other} machine`),
  } as const;
  await assertRefused(t, ['--from', image], expected);
  await assertRefused(t, ['--from', 'crac-build-test/jre:25', '--platform', `linux/${other}`], expected);
  await assertRefused(t, ['--from', 'crac-build-test/jre:25', '--platform', `linux/${other}`, '--dry-run'], expected);
});

for (const [tag, reason] of [
  ['Upper:1', /upper-case/],
  ['app:', /tag/],
  ['app:a b', /white space/],
  [`app:${'x'.repeat(129)}`, /128/],
  ['app@sha256:12', /digest/],
  ['-app', /./],
  ['app//x', /./],
] as const) {
  test(`the tag ${tag.slice(0, 20)} is no reference`, async (t) => {
    const { code, stderr, stdout } = await crac(['build', '-t', tag, '--from', 'crac-build-test/jre:25', '--json', '--progress=quiet']);
    const { error } = JSON.parse(stdout) as { error: { code: string; what: string; hint: string } };
    t.is(code, 2);
    t.is(error.code, 'CRAC-USAGE-TAG', stderr);
    t.regex(error.what, reason);
    t.regex(error.hint, /NAME\[:TAG\]/);
    t.not((await docker(['image', 'inspect', tag])).code, 0);
  });
}

test('verify, bench and inspect: an unknown image, and one of others', async (t) => {
  for (const command of ['verify', 'bench', 'inspect']) {
    for (const [image, expected, exit] of [
      ['localhost/crac-build-nowhere:1', 'CRAC-IMAGE-UNKNOWN', 1],
      ['crac-build-test/jre:25', 'CRAC-IMAGE-NOT-BAKED', 2],
    ] as const) {
      const { code, stdout } = await crac([command, '--json', image]);
      const { error } = JSON.parse(stdout) as { error: { code: string } };
      t.is(error.code, expected, command);
      t.is(code, exit, command);
    }
  }
});
