/**
 * The engine port against the real engine. The image is made here, of a shell and a few tools of this machine with their
 * libraries. Everything made has the label or the name of this run, and is removed at the end, also after a failure.
 */
import test from 'ava';
import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readFile, realpath, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { createReadStream, createWriteStream, readdirSync, readFileSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { extract } from 'tar-stream';
import type { BaseBuild } from '../../builder/base/base-build.js';
import { buildBase } from '../../builder/base/build-base.js';
import { hasBuildx } from '../../builder/base/buildx.js';
import { Cleanup } from '../../builder/engine/cleanup.js';
import { detectEngine, detectOptions } from '../../builder/engine/detect.js';
import { statusOf } from '../../builder/engine/errors.js';
import { layerImageArchive } from '../../builder/engine/layer-image.js';
import { ownLeftovers, removeLeftovers } from '../../builder/engine/leftovers.js';
import { labelNames, type Owner, ownerLabels, temporaryRepository, temporaryTag, thisOwner } from '../../builder/engine/owner.js';
import type { ContainerSpec, Engine, EngineContainer } from '../../builder/engine/port.js';
import { ensureRuntimeVolume } from '../../builder/engine/runtime-volume.js';
import { tarOf, type TarEntry } from '../../builder/engine/tar-entries.js';
import { CracError } from '../../builder/errors.js';

const run = randomBytes(4).toString('hex');
const owner = thisOwner(run);
const reference = temporaryTag(owner, 'tools');
/** The owner's labels let the next run remove what this one leaves when it is killed. */
const testLabel = { 'crac-build.test.run': run, ...ownerLabels(owner) };
const cleanup = new Cleanup(30_000);
const signal = new AbortController().signal;
const quiet = (): void => undefined;

let engine: Engine;
let folder: string;
let tools: { tarPath: string; digest: string; sizeBytes: number };

test.before(async () => {
  engine = await detectEngine(detectOptions(process.env, os.homedir()), signal);
  await removeLeftovers(engine, ownLeftovers, signal);
  folder = await mkdtemp(path.join(os.tmpdir(), 'crac-build-test-'));
  cleanup.defer('folder', async () => rm(folder, { recursive: true }));
  tools = await writeTar('tools.tar', await toolEntries(['sh', 'cat', 'sleep', 'ls', 'head', 'touch']));
  const { platform } = await engine.capabilities(signal);
  const config = { Cmd: ['/bin/sh'], Env: ['PATH=/bin'], Labels: testLabel };
  cleanup.defer('image', (until) => engine.removeImage(reference, until));
  const loaded = await engine.loadImage(layerImageArchive({ reference, platform, config, layer: tools }), quiet, signal);
  if (!loaded.references.some((name) => name.endsWith(reference))) throw new Error(JSON.stringify(loaded));
});

test.after.always(async (t) => {
  for (const { id } of await engine.listContainers(`crac-build.test.run=${run}`, signal)) await engine.container(id).remove(signal);
  t.deepEqual(await cleanup.run(), []);
  engine.close();
});

/** Tools of this machine and the libraries they need, as entries of a layer. */
async function toolEntries(names: readonly string[]): Promise<readonly TarEntry[]> {
  const files = new Map<string, string>();
  for (const name of names) {
    const tool = await realpath(`/bin/${name}`);
    files.set(`bin/${name}`, tool);
    for (const [library] of execFileSync('ldd', [tool], { encoding: 'utf8' }).matchAll(/\/\S+/g))
      files.set(library.slice(1), await realpath(library));
  }
  const folders: TarEntry[] = [{ header: { name: 'tmp/', type: 'directory', mode: 0o1777 } }];
  return [
    ...folders,
    ...(await Promise.all(
      [...files].map(async ([name, file]) => ({
        header: { name, mode: 0o755, size: (await stat(file)).size },
        open: () => createReadStream(file),
      })),
    )),
  ];
}

async function writeTar(name: string, entries: readonly TarEntry[]): Promise<{ tarPath: string; digest: string; sizeBytes: number }> {
  const tarPath = path.join(folder, name);
  await pipeline(tarOf(entries), createWriteStream(tarPath));
  const bytes = await readFile(tarPath);
  return { tarPath, digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}`, sizeBytes: bytes.length };
}

/** The error that a call ends with. */
async function failure(call: Promise<unknown>): Promise<CracError> {
  try {
    await call;
  } catch (error) {
    if (error instanceof CracError) return error;
    throw error;
  }
  throw new Error('it did not fail');
}

async function create(spec: Partial<ContainerSpec>): Promise<EngineContainer> {
  return await engine.createContainer({ image: reference, networkMode: 'none', ...spec, labels: { ...testLabel, ...spec.labels } }, signal);
}

async function running(spec: Partial<ContainerSpec> = {}): Promise<EngineContainer> {
  const container = await create({ command: ['/bin/sleep', '1000'], ...spec });
  await container.start(signal);
  return container;
}

test('the engine says what it is', async (t) => {
  const capabilities = await engine.capabilities(signal);
  t.regex(engine.description, /^(Docker|Podman) \d+\.\d+.* at \S+/);
  t.regex(capabilities.apiVersion, /^\d+\.\d+$/);
  t.is(capabilities.platform.os, 'linux');
  t.true(['amd64', 'arm64'].includes(capabilities.platform.architecture));
  t.true(capabilities.memoryBytes > 0 && capabilities.cpus > 0);
});

test('images: inspect, tag, history, save, remove', async (t) => {
  const image = await engine.inspectImage(reference, signal);
  t.deepEqual(image?.diffIds, [tools.digest]);
  t.deepEqual(image?.config.Cmd, ['/bin/sh']);
  t.false('Entrypoint' in (image?.config ?? {}));
  const other = temporaryTag(owner, 'other');
  await engine.tagImage(reference, other, signal);
  t.is((await engine.inspectImage(other, signal))?.id, image?.id);
  t.true(
    (await engine.listImages({ repository: temporaryRepository }, signal)).some(({ tags }) => tags.some((tag) => tag.endsWith(other))),
  );
  await engine.removeImage(other, signal);
  await engine.removeImage(other, signal);
  t.is(await engine.inspectImage(other, signal), undefined);
  t.true((await engine.imageHistory(reference, signal)).length > 0);
  const names: string[] = [];
  for await (const entry of (await engine.saveImage(reference, signal)).pipe(extract())) {
    names.push(entry.header.name);
    entry.resume();
  }
  t.true(names.includes('manifest.json'));
});

test("an archive that is no image is refused with the engine's words", async (t) => {
  const error = await failure(engine.loadImage(Readable.from([Buffer.alloc(2048, 'x')]), quiet, signal));
  t.true(['CRAC-ENGINE-FAILED', 'CRAC-ENGINE-REFUSED'].includes(error.code), error.message);
});

test('an archive that breaks off fails with its own reason', async (t) => {
  const broken = Readable.from(
    (async function* () {
      yield Buffer.alloc(512);
      await Promise.resolve();
      throw new Error('the disk burns');
    })(),
  );
  const error = await failure(engine.loadImage(broken, quiet, signal));
  t.regex(error.message, /the disk burns/);
});

test('an image that is nowhere cannot be pulled', async (t) => {
  const error = await failure(engine.pullImage('localhost:1/nothing:1', {}, quiet, signal));
  t.is(error.code, 'CRAC-IMAGE-PULL-FAILED');
});

test('attach before start: nothing of either stream is lost, standard input is exact', async (t) => {
  const container = await create({ command: ['/bin/sh', '-c', 'cat; echo end >&2; exit 7'], openStdin: true });
  const { stdout, stderr, stdin } = await container.attach({ stdin: true }, signal);
  const out = buffer(stdout);
  const err = text(stderr);
  await container.start(signal);
  const sent = randomBytes(3_000_000);
  stdin?.end(sent);
  t.is(await container.wait(signal), 7);
  t.true(sent.equals(await out));
  t.is(await err, 'end\n');
  await container.remove(signal);
});

test('attach to a terminal', async (t) => {
  const container = await create({ command: ['/bin/sh', '-c', 'test -t 1 && echo terminal'], tty: true });
  const { stdout } = await container.attach({ stdin: false }, signal);
  const out = text(stdout);
  await container.start(signal);
  t.is(await container.wait(signal), 0);
  t.is(await out, 'terminal\r\n');
  t.deepEqual(await container.logs({}, signal), { stdout: 'terminal\r\n', stderr: '' });
});

test('an aborted signal ends attach and wait with CRAC-CANCELLED', async (t) => {
  const container = await running();
  const controller = new AbortController();
  const { stdout } = await container.attach({ stdin: false }, controller.signal);
  const waiting = failure(container.wait(controller.signal));
  const reading = failure(text(stdout));
  controller.abort('SIGINT');
  t.is((await waiting).code, 'CRAC-CANCELLED');
  t.is((await reading).message, 'cancelled by SIGINT');
  await container.remove(signal);
});

test('state, signals, stop and removal', async (t) => {
  const container = await running({ init: true, memoryBytes: 64 * 1024 * 1024, env: ['A=b'], hostname: 'h', user: '1:1' });
  const state = await container.inspect(signal);
  t.like(state, { running: true, status: 'running', oomKilled: false, health: 'none' });
  t.is(state.labels['crac-build.test.run'], run);
  await container.kill('SIGKILL', signal);
  t.is(await container.wait(signal), 137);
  await container.kill('SIGTERM', signal);
  await container.stop(1, signal);
  t.like(await container.inspect(signal), { running: false, exitCode: 137 });
  await container.remove(signal);
  await container.remove(signal);
  const error = await failure(container.inspect(signal));
  t.is(error.code, 'CRAC-ENGINE-REFUSED');
  t.is(statusOf(error), 404);
});

test('a command that is missing is an error of start, with its status', async (t) => {
  const container = await create({ command: ['/nothing'] });
  const error = await failure(container.start(signal));
  t.regex(error.message, /no such file or directory/);
  t.true([400, 404, 500].includes(statusOf(error) ?? 0));
});

test('a right that the engine does not know is refused', async (t) => {
  const error = await failure(create({ capAdd: ['NO_SUCH_RIGHT'] }));
  t.is(error.code, 'CRAC-ENGINE-REFUSED');
  t.regex(error.message, /creating a container/);
});

test('exec: status, streams, user, environment', async (t) => {
  const container = await running();
  const script = 'echo $A; echo problem >&2; ls -ln /tmp/mine; exit 3';
  const touched = await container.exec(['/bin/touch', '/tmp/mine'], { user: '7:8' }, signal);
  t.is(touched.exitCode, 0);
  const result = await container.exec(['/bin/sh', '-c', script], { env: ['A=value'] }, signal);
  t.is(result.exitCode, 3);
  t.is(result.stderr, 'problem\n');
  t.regex(result.stdout, /^value\n\S+ 1 7 8 /);
  let seen = '';
  await container.exec(['/bin/cat', '/bin/cat'], { onOutput: (_, chunk) => (seen += chunk.toString('latin1')) }, signal);
  t.is(seen.length, (await stat('/bin/cat')).size);
  await container.remove(signal);
});

test('files: changes, stat, archives in and out', async (t) => {
  const container = await create({ command: ['/bin/sh', '-c', 'echo new > /tmp/made; echo more >> /etc-changed'] });
  const files: readonly TarEntry[] = [
    { header: { name: 'etc-changed', mode: 0o4755, uid: 5, gid: 6, mtime: new Date(1_000_000_000_000) }, text: 'hello\n' },
    { header: { name: 'link', type: 'symlink', linkname: 'tmp' } },
  ];
  await container.putArchive('/', tarOf(files), signal);
  t.like(await container.statPath('/etc-changed', signal), { kind: 'file', mode: 0o4755, sizeBytes: 6 });
  t.like(await container.statPath('/tmp', signal), { kind: 'directory', mode: 0o1777 });
  t.like(await container.statPath('/link', signal), { kind: 'symlink' });
  t.is(await container.statPath('/nothing', signal), undefined);
  await container.start(signal);
  t.is(await container.wait(signal), 0);
  const changes = await container.changes(signal);
  t.deepEqual(
    changes.find(({ path: name }) => name === '/tmp/made'),
    { path: '/tmp/made', kind: 'added' },
  );
  const archive = await container.getArchive('/etc-changed', signal);
  for await (const entry of archive.pipe(extract())) {
    t.like(entry.header, { name: 'etc-changed', uid: 5, gid: 6 });
    t.is(await text(entry as unknown as Readable), 'hello\nmore\n');
  }
  const missing = await failure(container.getArchive('/nothing', signal));
  t.is(statusOf(missing), 404);
  await container.remove(signal);
});

test('volumes: in use they are refused, then removed', async (t) => {
  const name = `crac-build-test-${run}-volume`;
  await engine.createVolume(name, { 'crac-build.test.volume': run, ...ownerLabels(owner) }, signal);
  const container = await create({ mounts: [{ type: 'volume', source: name, target: '/v', readOnly: false }] });
  const error = await failure(engine.removeVolume(name, signal));
  t.is(statusOf(error), 409);
  await container.remove(signal);
  t.is((await engine.listVolumes({ label: `crac-build.test.volume=${run}` }, signal)).length, 1);
  await engine.removeVolume(name, signal);
  await engine.removeVolume(name, signal);
  t.is((await engine.listVolumes({ name }, signal)).length, 0);
});

test('leftovers: of dead builds of this host, and no others', async (t) => {
  const someone = (host: string, pid: number): Owner => ({ build: run, host, pid, start: 'ab' });
  const dead = someone(run, 11);
  const living = someone(run, 12);
  const elsewhere = someone(`${run}00`, 11);
  const things = await Promise.all(
    [dead, living, elsewhere].map(async (who, index) => {
      const volume = `crac-build-test-${run}-left-${index}`;
      await engine.createVolume(volume, { ...testLabel, ...ownerLabels(who) }, signal);
      const container = await create({
        labels: ownerLabels(who),
        mounts: [{ type: 'volume', source: volume, target: '/v', readOnly: false }],
      });
      const tag = temporaryTag(who, 'base');
      await engine.tagImage(reference, tag, signal);
      cleanup.defer(tag, (until) => engine.removeImage(tag, until));
      cleanup.defer(volume, (until) => engine.removeVolume(volume, until));
      return { volume, container, tag };
    }),
  );
  const { removed, failed } = await removeLeftovers(engine, { host: run, isAlive: ({ pid }) => pid === living.pid }, signal);
  t.deepEqual(failed, []);
  t.is(removed.length, 3);
  const left = await Promise.all(
    things.map(async ({ container, volume, tag }) => [
      (await engine.listContainers(`${labelNames.build}=${run}`, signal)).some(({ id }) => id === container.id),
      (await engine.listVolumes({ name: volume }, signal)).length > 0,
      (await engine.inspectImage(tag, signal)) !== undefined,
    ]),
  );
  t.deepEqual(left, [
    [false, false, false],
    [true, true, true],
    [true, true, true],
  ]);
  for (const { container } of things) await container.remove(signal);
});

test('runtime volume: two at once, kept, found again, remade when half filled', async (t) => {
  const entries = await toolEntries(['sh', 'cat']);
  const parts = await writeTar('build.tar', [
    { header: { name: '.crac-build/', type: 'directory', mode: 0o755 } },
    ...entries.map((entry) => ({ ...entry, header: { ...entry.header, name: `.crac-build/${entry.header.name}` } })),
    { header: { name: '.crac-build/build-init', mode: 0o755 }, text: run },
  ]);
  const digest12 = parts.digest.slice(7, 19);
  cleanup.defer('runtime', async (until) => {
    for (const { name } of await engine.listVolumes({ name: digest12 }, until)) await engine.removeVolume(name, until);
    await engine.removeImage(`crac-build-runtime:${digest12}`, until);
  });
  const ensure = () => ensureRuntimeVolume(engine, parts, testLabel, quiet, signal);
  const [first, second] = await Promise.all([ensure(), ensure()]);
  for (const { name } of [first, second]) {
    const container = await create({
      command: ['/bin/cat', '/.crac-build/build-init'],
      mounts: [{ type: 'volume', source: name, target: '/.crac-build', readOnly: true }],
    });
    await container.start(signal);
    t.is(await container.wait(signal), 0);
    t.is((await container.logs({}, signal)).stdout, run);
    await container.remove(signal);
  }
  const again = await ensure();
  t.true([first.name, second.name].includes(again.name));
  await Promise.all([first, second, again].map((volume) => volume.release(signal)));
  // Half filled: what a killed run leaves has no marker.
  for (const { name } of await engine.listVolumes({ name: digest12 }, signal)) await engine.removeVolume(name, signal);
  const half = `crac-build-runtime-${digest12}-00000000`;
  await engine.createVolume(half, {}, signal);
  const remade = await ensure();
  t.not(remade.name, half);
  t.deepEqual(
    (await engine.listVolumes({ name: digest12 }, signal)).map(({ name }) => name),
    [remade.name],
  );
  await remade.release(signal);
});

interface Context {
  readonly build: (text: string, more?: Partial<BaseBuild>) => BaseBuild;
}

async function context(name: string): Promise<Context> {
  const contextDir = path.join(folder, name);
  await mkdir(path.join(contextDir, 'sub'), { recursive: true });
  await writeFile(path.join(contextDir, 'a.txt'), 'a\n');
  await writeFile(path.join(contextDir, 'sub', 'kept.txt'), 'kept\n');
  await writeFile(path.join(contextDir, 'sub', 'secret.txt'), 'no\n');
  await writeFile(path.join(contextDir, '.dockerignore'), 'sub\n!sub/kept.txt\n');
  await symlink('a.txt', path.join(contextDir, 'link'));
  await utimes(path.join(contextDir, 'a.txt'), 1_000_000_000, 1_000_000_000);
  const dockerfilePath = path.join(contextDir, 'Dockerfile');
  await writeFile(dockerfilePath, 'READY http://:1/\n');
  const tag = temporaryTag(owner, name.replace(/\W/g, ''));
  cleanup.defer(tag, (until) => engine.removeImage(tag, until));
  return {
    build: (standardText, more = {}) => ({
      contextDir,
      dockerfilePath,
      standardText,
      buildArgs: [],
      secrets: [],
      noCache: true,
      pull: false,
      tag,
      ...more,
    }),
  };
}

/** Command lines of all processes of the machine, arguments ended by NUL, as in proc_pid_cmdline(5). */
function commandLines(): string {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      } catch {
        // It ended meanwhile.
        return '';
      }
    })
    .join('\n');
}

for (const builder of ['classic', 'buildkit', 'buildx'] as const) {
  const available = async (): Promise<boolean> => builder !== 'buildx' || (await hasBuildx(engine, signal));

  test.serial(`base by ${builder}: context, ignore file, arguments, output`, async (t) => {
    if (!(await available())) return void t.pass('no buildx here');
    const { build } = await context(`base-${builder}`);
    const lines: string[] = [];
    const standard = `FROM ${reference} AS one\nARG WORD\nRUN echo said $WORD\n\nCOPY . /c\nFROM one AS two\nRUN exit 1\n`;
    const built = await buildBase(build(standard, { buildArgs: [['WORD', 'hello world']], target: 'one' }), engine, {
      signal,
      onLine: (_, line) => lines.push(line),
      builder,
    });
    t.true(lines.includes('said hello world'), lines.join('\n'));
    t.is((await engine.inspectImage(built.reference, signal))?.id, built.imageId);
    const container = await create({ image: built.reference, command: ['/bin/ls', '-a', '/c', '/c/sub'] });
    await container.start(signal);
    await container.wait(signal);
    t.deepEqual(
      (await container.logs({}, signal)).stdout.split('\n').filter((line) => /^\w|^\.d/.test(line)),
      ['.dockerignore', 'Dockerfile', 'a.txt', 'link', 'sub', 'kept.txt'],
    );
    t.like(await container.statPath('/c/a.txt', signal), { modified: '2001-09-09T01:46:40Z' });
    t.like(await container.statPath('/c/link', signal), { kind: 'symlink' });
    await container.remove(signal);
  });

  test.serial(`base by ${builder}: a failing step gives its lines, a wrong instruction its place`, async (t) => {
    if (!(await available())) return void t.pass('no buildx here');
    const { build } = await context(`fail-${builder}`);
    const call = { signal, onLine: quiet, builder };
    const failing = build(`FROM ${reference}\nRUN echo before && exit 9\n`);
    const step = await failure(buildBase(failing, engine, call));
    t.is(step.code, 'CRAC-BASE-BUILD-FAILED');
    t.regex(step.message, /\| before/);
    t.regex(step.message, /(code:|exit code|returned a non-zero code:) ?9/);
    const wrong = await failure(buildBase(build(`FROM ${reference}\n\nBOGUS x\n`), engine, call));
    t.is(wrong.code, 'CRAC-BASE-BUILD-FAILED');
    t.regex(wrong.message, /line 3|Dockerfile:3/);
  });

  test.serial(`base by ${builder}: cancelling stops the engine's build`, async (t) => {
    if (!(await available())) return void t.pass('no buildx here');
    const { build } = await context(`cancel-${builder}`);
    const controller = new AbortController();
    const seconds = 1_000_000 + (Number.parseInt(run, 16) % 1_000_000);
    const isSleeping = (): boolean => commandLines().includes(`sleep\0${seconds}\0`);
    const building = failure(
      buildBase(build(`FROM ${reference}\nRUN echo now && sleep ${seconds}\n`), engine, {
        signal: controller.signal,
        onLine: (_, line) => {
          if (line === 'now') controller.abort('SIGINT');
        },
        builder,
      }),
    );
    t.is((await building).code, 'CRAC-CANCELLED');
    for (let attempt = 0; attempt < 100 && isSleeping(); attempt++) await new Promise((resolve) => setTimeout(resolve, 100));
    t.false(isSleeping());
  });
}
