/** A CPU level below the build's, and limits of containers that are not those of the build. */
import test from 'ava';
import { docker, dockerOk, get, processes, removeImages, run, runId, waitForLog } from '../support/docker.js';
import { simpleImage, smallFlags } from '../support/app-image.js';
import { crac } from '../support/cli.js';
import { assertRestored } from '../support/restore.js';

const warm = `crac-build-test-${runId}/levels-warm`;
let base: string;
let built: string;

test.before(async (t) => {
  base = await simpleImage(t, 'levels');
  const { code, stderr } = await crac(['build', '--from', base, '-t', warm, '--cpu=x86-64-v2', '--progress=plain', ...smallFlags]);
  t.is(code, 0, stderr);
  built = stderr;
});

test.after.always(removeImages);

test('--cpu keeps JVM and libc within the level', async (t) => {
  t.notRegex(built, /was not started with the options/);
  t.is(await dockerOk(t, ['inspect', '-f', '{{index .Config.Labels "dev.crac-build.cpu"}}', warm]), 'x86-64-v2');
  const container = await run(t, warm, ['-e', 'CRAC_BUILD_TRACE=1']);
  t.is((await get(t, container, '/health')).text, 'ok\n');
  await assertRestored(t, container);
  const java = (await processes(t, container)).find(({ parent }) => parent === 1);
  const environ = (await dockerOk(t, ['exec', container.id, 'cat', `/proc/${java?.pid ?? 0}/environ`])).split('\0');
  const value = (name: string): string => environ.find((pair) => pair.startsWith(`${name}=`))?.slice(name.length + 1) ?? '';
  t.regex(value('JAVA_TOOL_OPTIONS'), /-XX:UseAVX=0 .*-XX:-UseAES/);
  t.is(value('LD_BIND_NOW'), '1');
  // What glibc makes of it, by its own words.
  const help = await docker([
    'run',
    '--rm',
    '-e',
    `GLIBC_TUNABLES=${value('GLIBC_TUNABLES')}`,
    '--entrypoint',
    '/lib64/ld-linux-x86-64.so.2',
    base,
    '--help',
  ]);
  t.regex(help.stdout, /x86-64-v2 \(supported, searched\)/);
  t.notRegex(help.stdout, /x86-64-v[34] \(supported/);
});

test('a limit that cannot hold the memory starts cold; one that the heap may outgrow is told of', async (t) => {
  const tooSmall = await run(t, warm, ['--memory', '16m', '--memory-swap', '16m']);
  const log = await waitForLog(t, tooSmall, /COLD-MEMORY: the memory limit is 16 MiB, the restore needs \d+ MiB$/m);
  const needed = Number(/the restore needs (\d+) MiB/.exec(log)?.[1]);
  const tight = await run(t, warm, ['--memory', `${needed + 12}m`]);
  t.is((await get(t, tight, '/health')).text, 'ok\n');
  const told = await tight.logs();
  const most = Number(/^crac-build: warning: \d+ MiB is the memory limit, the application may come to (\d+) MiB$/m.exec(told)?.[1]);
  t.true(most > needed + 12, told);
  t.notRegex(told, /cold start/);
  const roomy = await run(t, warm, ['--memory', `${most + 1}m`]);
  t.is((await get(t, roomy, '/health')).text, 'ok\n');
  t.notRegex(await roomy.logs(), /crac-build: /);
});
