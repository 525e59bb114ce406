/** Dockerfiles that cannot be built. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { cliPath, crac } from '../support/cli.js';
import { removeImages } from '../support/docker.js';
import { assertRefused, type Expected, type Refused } from '../support/refusal.js';

let folder: string;
let count = 0;

test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'crac-build-test-'));
});

test.after.always(async () => {
  await rm(folder, { recursive: true, force: true });
  await removeImages();
});

/** A build context with this Dockerfile. */
async function contextWith(dockerfile: string | Buffer): Promise<string> {
  const context = join(folder, String(count++));
  await mkdir(context);
  await writeFile(join(context, 'Dockerfile'), dockerfile);
  return context;
}

async function refused(t: ExecutionContext, dockerfile: string | Buffer, expected: Expected): Promise<Refused> {
  return assertRefused(t, [await contextWith(dockerfile)], expected);
}

const start = 'FROM crac-build-test/jre:25\nCMD ["java", "-version"]\n';

test('an instruction that is mistyped: the line is shown with the nearest name', async (t) => {
  const context = await contextWith(`${start}REDY http://:8080/health\n`);
  const { code, stderr } = await crac(['build', '-t', 'never:1', '.'], { cwd: context, env: { NO_COLOR: '1' } });
  t.is(code, 2);
  t.true(
    stderr.endsWith(
      'error CRAC-DIALECT-SYNTAX: unknown instruction REDY\n  Dockerfile:3:1\n  3 | REDY http://:8080/health\n    | ^\ntry: Did you mean READY?',
    ),
    stderr,
  );
});

test('a flag that is mistyped', async (t) => {
  const { error } = await refused(t, `${start}WARMUP --concurency=3 GET /\n`, {
    code: 'CRAC-DIALECT-SYNTAX',
    exit: 2,
    what: /WARMUP has no flag --concurency/,
    hint: /Did you mean --concurrency\?/,
  });
  t.deepEqual({ ...error.where, file: '' }, { file: '', line: 3, column: 8, excerpt: 'WARMUP --concurency=3 GET /' });
});

test('a value that is mistyped', async (t) => {
  await refused(t, `${start}RESTORE --fallback=coold\n`, { code: 'CRAC-DIALECT-SYNTAX', exit: 2, what: /coold/, hint: /cold/ });
});

test('an instruction at the wrong place', async (t) => {
  const { error } = await refused(t, `FROM crac-build-test/jre:25\nREADY http://:8080\n${start}`, {
    code: 'CRAC-DIALECT-MISPLACED',
    exit: 2,
    what: /READY is not allowed here/,
    hint: /after ENTRYPOINT and CMD/,
  });
  t.is(error.where?.line, 2);
  await refused(t, 'FROM crac-build-test/jre:25\nCHECKPOINT\nCMD ["java"]\n', {
    code: 'CRAC-DIALECT-MISPLACED',
    exit: 2,
    what: /CMD follows in line 3/,
    hint: /./,
  });
});

test('a mistake in the standard part is told by the engine', async (t) => {
  await refused(t, `${start}FOOBAR x\n`, { code: 'CRAC-BASE-BUILD-FAILED', exit: 1, what: /unknown instruction: FOOBAR/i, hint: /engine/ });
  await refused(t, 'FROM crac-build-test/jre:25\nRUN echo nearly there; exit 4\nREADY tcp://:80\n', {
    code: 'CRAC-BASE-BUILD-FAILED',
    exit: 1,
    what: /exit code: 4(.|\n)*nearly there/,
    hint: /engine/,
  });
  await refused(t, '', { code: 'CRAC-BASE-BUILD-FAILED', exit: 1, what: /empty/, hint: /engine/ });
});

test('a Dockerfile that is a directory', async (t) => {
  const context = join(folder, 'directory');
  await mkdir(join(context, 'Dockerfile'), { recursive: true });
  await assertRefused(t, [context], { code: 'CRAC-DOCKERFILE-UNREADABLE', exit: 2, what: /it is a directory/, hint: /-f/ });
});

test('a Dockerfile that is none', async (t) => {
  const expected = { code: 'CRAC-DOCKERFILE-UNREADABLE', exit: 2, what: /it is no text/, hint: /4 MiB/ } as const;
  await refused(t, Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0, 0, 0]), expected);
  await assertRefused(t, ['-f', '/dev/zero', folder], expected);
});

test('a Dockerfile that is huge', async (t) => {
  const expected = { code: 'CRAC-DOCKERFILE-UNREADABLE', exit: 2, what: /it is too large/, hint: /4 MiB/ } as const;
  await refused(t, Buffer.alloc(5 * 1024 * 1024, 'RUN true\n'), expected);
  // As large as it may be, and one word: what is looked for in it has to end in time.
  await refused(t, Buffer.alloc(4 * 1024 * 1024, 'x'), { code: 'CRAC-BASE-BUILD-FAILED', exit: 1, what: /./, hint: /engine/ });
});

test('no Dockerfile, no context', async (t) => {
  await assertRefused(t, ['-f', join(folder, 'Nowhere'), folder], {
    code: 'CRAC-DOCKERFILE-MISSING',
    exit: 2,
    what: /no Dockerfile at .*Nowhere/,
    hint: /--from/,
  });
  await assertRefused(t, [join(folder, 'nowhere')], { code: 'CRAC-CONTEXT-MISSING', exit: 2, what: /no directory/, hint: /"\."/ });
  await assertRefused(t, [], { code: 'CRAC-USAGE', exit: 2, what: /directory of a Dockerfile/, hint: /--help/ });
});

test('a warm-up script that is not in the context', async (t) => {
  await refused(t, `${start}WARMUP ["./nowhere.sh"]\n`, { code: 'CRAC-WARMUP-SCRIPT', exit: 2, what: /nowhere\.sh/, hint: /WARMUP GET/ });
  await refused(t, `${start}WARMUP ["../outside.sh"]\n`, {
    code: 'CRAC-DIALECT-SYNTAX',
    exit: 2,
    what: /not in the build context/,
    hint: /./,
  });
});

test('secrets, files and mounts that are not there', async (t) => {
  const context = await contextWith(start);
  const usage = (what: RegExp, hint: RegExp): Expected => ({ code: 'CRAC-USAGE-FLAG', exit: 2, what, hint });
  await assertRefused(t, ['--secret', 'id=a,src=/nowhere', context], usage(/--secret/, /a file; \/nowhere is none/));
  await assertRefused(t, ['--secret', 'id=a,env=NOWHERE', context], usage(/--secret/, /NOWHERE is not/));
  await assertRefused(t, ['--env-file', '/nowhere', context], usage(/--env-file/, /a file/));
  // Node would look for --env-file among our arguments.
  t.regex(await readFile(cliPath, 'utf8'), /^#!\/usr\/bin\/env -S node --\n/);
  await assertRefused(t, ['--mount', 'type=bind,source=/nowhere,target=/x', context], {
    code: 'CRAC-ENGINE-REFUSED',
    exit: 1,
    what: /bind source path does not exist: \/nowhere/,
    hint: /--mount/,
  });
  await assertRefused(t, ['--network', 'nowhere', context], {
    code: 'CRAC-ENGINE-REFUSED',
    exit: 1,
    what: /network nowhere not found/,
    hint: /--network/,
  });
});
