/** Images that were built FROM one with a checkpoint. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { smallContext } from '../support/app-image.js';
import { crac } from '../support/cli.js';
import { plainImage, removeImages } from '../support/docker.js';
import { assertRefused } from '../support/refusal.js';
import { benchSchema, inspectSchema, readJson, verifySchema } from '../support/schemas.js';
import { warmImage } from '../support/warm.js';

let warm: string;

test.before(async () => {
  warm = await warmImage({ name: 'small', fixture: 'small' });
});
test.after.always(removeImages);

test('layers on top: inspect shows and tells them, verify and bench work', async (t) => {
  const image = await plainImage(t, 'above', `FROM ${warm}\nCOPY target/classes /more\nRUN echo x > /extra\n`, smallContext);
  const below = readJson(inspectSchema, (await crac(['inspect', '--json', warm])).stdout);
  const report = readJson(inspectSchema, (await crac(['inspect', '--json', image])).stdout);
  t.deepEqual(below.warnings, []);
  t.deepEqual(report.layers.slice(0, -2), below.layers);
  t.deepEqual(
    report.layers.slice(-2).map(({ role, sizeBytes }) => [role, sizeBytes !== null && sizeBytes > 0]),
    [
      ['above', true],
      ['above', true],
    ],
  );
  t.regex(report.warnings.join('\n'), /^it has 2 layers that were put on top of the checkpoint/);
  t.regex((await crac(['inspect', image])).stdout, /2 layers that were put on top/);

  const verified = await crac(['verify', '--json', '--progress=plain', image]);
  t.is(verified.code, 0, verified.stderr);
  t.like(readJson(verifySchema, verified.stdout), { restored: true, cold: null });
  t.regex(verified.stderr, /2 layers that were put on top/);
  const measured = await crac(['bench', '--json', '--runs', '1', '--no-base', image]);
  t.is(measured.code, 0, measured.stderr);
  t.is(readJson(benchSchema, measured.stdout).fellBack, 0);
});

test('what a layer on top changes for the application makes the start cold, and is named', async (t) => {
  const library = 'RUN echo >> "$(find /usr/lib/jvm/ -name libjvm.so | head -n 1)"\n';
  for (const [name, lines, code, reason] of [
    ['file', library, 'COLD-FILE-CHANGED', /libjvm\.so/],
    ['variable', 'ENV JAVA_OPTS=-Xmx1g\n', 'COLD-JVM-OPTIONS', /JAVA_OPTS/],
    ['command', 'CMD ["more"]\n', 'COLD-ARGUMENTS', /./],
  ] as const) {
    const image = await plainImage(t, `above-${name}`, `FROM ${warm}\n${lines}`, smallContext);
    const verified = await crac(['verify', '--json', image]);
    t.is(verified.code, 1);
    const { cold } = readJson(verifySchema, verified.stdout);
    t.is(cold?.code, code);
    t.regex(cold?.reason ?? '', reason);
  }
});

test('another ENTRYPOINT on top: it never restores, and every command says so', async (t) => {
  const image = await plainImage(t, 'above-entrypoint', `FROM ${warm}\nENTRYPOINT ["java", "-cp", "/app", "Small"]\n`, smallContext);
  for (const command of ['verify', 'bench']) {
    const { code, stdout } = await crac([command, '--json', image]);
    t.is(code, 2);
    t.is((JSON.parse(stdout) as { error: { code: string } }).error.code, 'CRAC-IMAGE-ENTRYPOINT');
  }
  const { warnings } = readJson(inspectSchema, (await crac(['inspect', '--json', image])).stdout);
  t.regex(warnings.join('\n'), /ENTRYPOINT .* never restores/);
});

test('a checkpoint on top of a checkpoint is refused, by name', async (t) => {
  const expected = { code: 'CRAC-IMAGE-ALREADY-BAKED', exit: 2, hint: /^Build again from what it was made from: the Dockerfile/ } as const;
  await assertRefused(t, ['--from', warm], { ...expected, what: /^crac-build-test-warm\/small:\w+ has a checkpoint already$/ });
  const folder = await mkdtemp(join(tmpdir(), 'crac-build-test-'));
  t.teardown(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, 'Dockerfile'), `FROM ${warm}\nLABEL a=b\nREADY http://:8080/health\n`);
  await assertRefused(t, [folder], { ...expected, what: /^the image of .*\/Dockerfile has a checkpoint already$/ });
});
