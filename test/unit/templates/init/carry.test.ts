import anyTest, { type TestFn } from 'ava';
import type { CarriedFile, RestoreRecord } from '../../../../images/record/record.js';
import { buildInit, type BuiltInit } from './crac-init.js';
import { appCommand, recordOf, Sandbox, type Outcome, type SandboxOptions } from './sandbox.js';

const test = anyTest as TestFn<{ init: BuiltInit }>;
/** Namespaces need root. */
const rooted = process.getuid?.() === 0 ? test : test.skip;

test.before(async (t) => {
  t.context.init = await buildInit();
});

test.after.always(async (t) => {
  await t.context.init.remove();
});

const plain = { uid: 0, gid: 0, mtimeSeconds: 1700000000n, content: 0, target: '', refresh: false } as const;
const directory = (path: string, change: Partial<CarriedFile> = {}): CarriedFile => ({
  ...plain,
  path,
  type: 'directory',
  mode: 0o755,
  ...change,
});
const file = (path: string, change: Partial<CarriedFile> = {}): CarriedFile => ({ ...plain, path, type: 'file', mode: 0o640, ...change });
const symlink = (path: string, target: string): CarriedFile => ({ ...plain, path, type: 'symlink', mode: 0o777, target });

const listing = 'cd /tmp; find . -mindepth 1 -printf "%p %y %m %U:%G %s %Ts %l\\n" | cut -d. -f2- | sort';

interface Scene extends SandboxOptions {
  readonly carried: readonly CarriedFile[];
  readonly record?: Partial<RestoreRecord>;
  /** What the restored application runs; absent: the restore fails. */
  readonly app?: string;
}

/** Runs with two contents in the checkpoint; a cold start prints "cold" and the listing of /tmp. */
async function play(init: BuiltInit, scene: Scene): Promise<Outcome> {
  const sandbox = await Sandbox.make(init.path);
  const script = `echo cold; ${listing}`;
  try {
    await sandbox.writeRecord(recordOf(script, { carried: scene.carried, ...scene.record }));
    await sandbox.write('/.crac-build/checkpoint/carry/0', 'zero');
    await sandbox.write('/.crac-build/checkpoint/carry/1', 'one'.repeat(100000));
    await sandbox.writeCriu(
      scene.app === undefined ? 'exit 1' : `images=$(echo "$*" | grep -o "checkpoint/criu[^ ]*"); app "exec 1>&11; ${scene.app}"; exit 0`,
    );
    return await sandbox.run(appCommand(script), scene);
  } finally {
    await sandbox.remove();
  }
}

const showTmp = listing.replaceAll('"', '\\"');

rooted('makes directories, files and symlinks as they were', async (t) => {
  const { stdout, stderr } = await play(t.context.init, {
    carried: [
      directory('/tmp/work', { mode: 0o1777, uid: 5, gid: 6 }),
      file('/tmp/work/a', { uid: 7, gid: 8, mode: 0o4755 }),
      file('/tmp/work/b', { content: 1, mtimeSeconds: 5n }),
      symlink('/tmp/work/c', '../a'),
      file('/tmp/deep/er/d'),
    ],
    app: showTmp,
  });
  t.is(stderr, '');
  const lines = stdout.split('\n').map((line) => line.trimEnd());
  t.true(
    lines.some((line) => /^\/work d 1777 5:6 \d+ 1700000000$/.test(line)),
    stdout,
  );
  t.true(lines.includes('/work/a f 4755 7:8 4 1700000000'), stdout);
  t.true(lines.includes('/work/b f 640 0:0 300000 5'), stdout);
  t.true(
    lines.some((line) => /^\/work\/c l 777 0:0 4 1700000000 \.\.\/a$/.test(line)),
    stdout,
  );
  t.true(
    lines.some((line) => line.startsWith('/deep/er d 755 0:0 ')),
    stdout,
  );
  t.true(lines.includes('/deep/er/d f 640 0:0 4 1700000000'), stdout);
  t.false(stdout.includes('.crac-build'), stdout);
});

rooted('overwrites nothing', async (t) => {
  const { stdout, stderr } = await play(t.context.init, {
    before: 'echo mine > "$ROOT/tmp/a"; mkdir "$ROOT/tmp/b"; ln -s elsewhere "$ROOT/tmp/c"',
    carried: [file('/tmp/a'), file('/tmp/b'), symlink('/tmp/c', 'x')],
    app: 'cat /tmp/a; readlink /tmp/c; ls /tmp/b',
  });
  t.is(stderr, '');
  t.is(stdout, 'mine\nelsewhere');
});

rooted('makes perf data anew at each start', async (t) => {
  const { stdout, stderr } = await play(t.context.init, {
    before: 'echo old > "$ROOT/tmp/perf"',
    carried: [file('/tmp/perf', { refresh: true })],
    record: { files: [{ path: '/tmp/perf', use: 'other', sizeBytes: 4n, mtimeSeconds: 1700000000n, carried: true }] },
    app: 'cat /tmp/perf',
  });
  t.is(stderr, '');
  t.is(stdout, 'zero');
});

rooted('a carried file that is there has to be as it was', async (t) => {
  const { stderr } = await play(t.context.init, {
    before: 'echo changed > "$ROOT/tmp/a"',
    carried: [file('/tmp/a')],
    record: { files: [{ path: '/tmp/a', use: 'other', sizeBytes: 4n, mtimeSeconds: 1700000000n, carried: true }] },
    app: 'true',
  });
  t.is(stderr, 'crac-build: cold start: COLD-FILE-CHANGED: /tmp/a has 8 bytes, not 4');
});

rooted('a carried file that is missing is made, and counts as equal', async (t) => {
  const { stdout, stderr } = await play(t.context.init, {
    carried: [file('/tmp/a')],
    record: { files: [{ path: '/tmp/a', use: 'other', sizeBytes: 4n, mtimeSeconds: 1700000000n, carried: true }] },
    app: 'cat /tmp/a',
  });
  t.is(stderr, '');
  t.is(stdout, 'zero');
});

rooted('a failed restore leaves nothing behind', async (t) => {
  const { stdout, stderr } = await play(t.context.init, {
    before: 'echo mine > "$ROOT/tmp/a"',
    carried: [file('/tmp/a'), directory('/tmp/b'), file('/tmp/b/c'), symlink('/tmp/d', 'x')],
  });
  t.regex(stderr, /COLD-RESTORE/);
  t.regex(stdout, /^cold\n\/a f \d+ 0:0 5 \d+ ?$/);
});

rooted('follows no symlink that someone put in the way', async (t) => {
  const { stdout, stderr } = await play(t.context.init, {
    before: 'mkdir "$ROOT/app"; ln -s /app "$ROOT/tmp/work"',
    carried: [directory('/tmp/work'), file('/tmp/work/a')],
    app: 'true',
  });
  t.regex(stderr, /^crac-build: cold start: COLD-CARRY: \/tmp\/work\/a cannot be made: (ELOOP|ENOTDIR)$/);
  t.true(stdout.startsWith('cold\n/work l '));
});

const readOnly = 'mount -t tmpfs -o ro none "$ROOT/tmp"';
const perfData = [directory('/tmp/hsperfdata_app'), file('/tmp/hsperfdata_app/40', { refresh: true })];

rooted('a read-only place starts cold', async (t) => {
  const { stdout, stderr } = await play(t.context.init, { before: readOnly, carried: [file('/tmp/a')], app: 'true' });
  t.is(stderr, 'crac-build: cold start: COLD-CARRY: /tmp/a cannot be made: EROFS');
  t.is(stdout, 'cold');
});

rooted('perf data on a read-only place take the private images', async (t) => {
  const scene = { before: readOnly, carried: perfData, app: 'echo $images' };
  t.is((await play(t.context.init, { ...scene, record: { privateVariant: true } })).stdout, 'checkpoint/criu-private');
  t.regex((await play(t.context.init, scene)).stderr, /COLD-CARRY: \/tmp\/hsperfdata_app cannot be made: EROFS/);
  t.is((await play(t.context.init, { ...scene, before: '', record: { privateVariant: true } })).stdout, 'checkpoint/criu');
});

rooted('what is more than perf data on a read-only place starts cold', async (t) => {
  const { stderr } = await play(t.context.init, {
    before: readOnly,
    carried: [...perfData, file('/tmp/hsperfdata_app/other')],
    record: { privateVariant: true },
    app: 'true',
  });
  t.regex(stderr, /COLD-CARRY: \/tmp\/hsperfdata_app cannot be made/);
});

rooted('a file of another owner cannot be made without the right', async (t) => {
  const { stderr } = await play(t.context.init, {
    carried: [file('/tmp/a', { uid: 5 })],
    setpriv: ['--bounding-set', '-chown', '--inh-caps', '-all'],
    app: 'true',
  });
  t.is(stderr, 'crac-build: cold start: COLD-CARRY: /tmp/a cannot be made: EPERM');
});

rooted('content that is missing starts cold', async (t) => {
  const { stderr } = await play(t.context.init, { carried: [file('/tmp/a', { content: 9 })], app: 'true' });
  t.is(stderr, 'crac-build: cold start: COLD-CARRY: /tmp/a cannot be made: ENOENT');
});
