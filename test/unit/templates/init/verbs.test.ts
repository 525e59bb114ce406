import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readdir, readFile, readlink, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import anyTest, { type TestFn } from 'ava';
import { execa } from 'execa';
import { cpuBits, cpuWordSources, hasCpuBit } from '../../../../images/record/cpu.js';
import { parseLooked } from '../../../../images/tape/compile/looked.js';
import { buildInit, type BuiltInit } from './crac-init.js';
import { initSources } from './native.js';

const test = anyTest as TestFn<{ init: BuiltInit; tools: BuiltInit }>;

test.before(async (t) => {
  t.context.init = await buildInit();
  t.context.tools = await buildInit('build');
});

test.after.always(async (t) => {
  await t.context.init.remove();
  await t.context.tools.remove();
});

interface Ended {
  readonly exitCode: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

const run = async (init: BuiltInit, ...args: readonly string[]): Promise<Ended> => {
  const { exitCode, stdout, stderr } = await execa(init.path, args, { reject: false });
  return { exitCode, stdout, stderr };
};

test('is below its size budget, and the same from another folder', async (t) => {
  const { path } = t.context.init;
  const budget = 64 * 1024;
  if ((await stat(path)).size >= budget) t.log((await execa('size', ['-A', path])).stdout);
  t.true((await stat(path)).size < budget);
  const elsewhere = await mkdtemp(join(tmpdir(), 'crac-build-elsewhere-'));
  try {
    await cp(initSources, join(elsewhere, 'sources'), { recursive: true });
    await execa(join(elsewhere, 'sources/build.sh'), [join(elsewhere, 'init')]);
    t.true((await readFile(join(elsewhere, 'init'))).equals(await readFile(path)));
  } finally {
    await rm(elsewhere, { recursive: true, force: true });
  }
});

test('is a static program that asks for no loader', async (t) => {
  const { stdout } = await execa('readelf', ['-lW', t.context.init.path]);
  t.false(stdout.includes('INTERP'));
  t.false(stdout.includes('DYNAMIC'));
  t.true(/GNU_STACK.*RW /.test(stdout), stdout);
});

test('@cpu prints the words of this CPU', async (t) => {
  const { stdout } = await run(t.context.tools, '@cpu');
  const cpu = JSON.parse(stdout) as { words: string[]; processors: number; xcr0: string; vendor: string; brand: string };
  const words = cpu.words.map(BigInt);
  t.is(words.length, cpuWordSources.length);
  const known = await readFile('/proc/cpuinfo', 'utf8');
  const flags = new Set(/^flags\s*: (.*)$/m.exec(known)?.[1]?.split(' '));
  t.true(known.includes(`: ${cpu.vendor}\n`));
  t.true(known.includes(`: ${cpu.brand.trim()}`));
  // The kernel calls some bits otherwise (sse3 is pni), and may hide others: only what it shows is compared.
  const shown = cpuBits.filter((bit) => bit.kind !== 'never' && flags.has(bit.name));
  t.true(shown.length > 20);
  for (const { name } of shown) t.true(hasCpuBit(words, name), name);
  for (const name of ['avx', 'avx2', 'avx512f', 'bmi2']) t.is(hasCpuBit(words, name), flags.has(name), name);
  t.is(BigInt(cpu.xcr0) !== 0n, hasCpuBit(words, 'osxsave'));
  t.true(cpu.processors >= 1 && cpu.processors <= availableParallelism());
});

test('@clock prints both clocks', async (t) => {
  const before = process.hrtime.bigint();
  const { stdout } = await run(t.context.tools, '@clock');
  const after = process.hrtime.bigint();
  const [, monotonic, boottime] = /^\{"monotonicNs":(\d+),"boottimeNs":(\d+)\}$/.exec(stdout) ?? [];
  t.true(BigInt(monotonic ?? '') >= before && BigInt(monotonic ?? '') <= after);
  t.true(BigInt(boottime ?? '') >= BigInt(monotonic ?? ''));
});

test('@trace prints when it began, and becomes the command', async (t) => {
  const { stdout, stderr, exitCode } = await run(t.context.tools, '@trace', '--', 'sh', '-c', 'echo $0 $1; exit 3', 'a', 'b');
  t.is(stdout, 'a b');
  t.is(exitCode, 3);
  t.regex(stderr, /^\{"crac-init":\{"startNs":\d+,"resumedNs":\d+,"restorer":null,"mode":null,"cold":null\}\}$/);
});

test('@build exits as its command does', async (t) => {
  const { tools } = t.context;
  t.is((await run(tools, '@build', '--', 'sh', '-c', 'exit 7')).exitCode, 7);
  t.is((await run(tools, '@build', '--', 'sh', '-c', 'kill -9 $$')).exitCode, 137);
  t.is((await run(tools, '@build', '--', '/no/such/program')).exitCode, 127);
  t.is((await run(tools, '@build', '--', '/etc/passwd')).exitCode, 126);
});

const misuse = test.macro<[readonly string[], string]>(async (t, args, message) => {
  const { tools } = t.context;
  const { exitCode, stderr } = await run(tools, ...args);
  t.is(exitCode, 2);
  t.is(stderr, `crac-init: ${message}`);
});

test('no arguments', misuse, [], 'no verb');
test('an unknown verb', misuse, ['@restore'], 'unknown verb: @restore');
test('in an image there is no tool but that for who measures', async (t) => {
  const { init } = t.context;
  t.like(await run(init, '@build', '--', 'true'), { exitCode: 2, stderr: 'crac-init: unknown verb: @build' });
  t.like(await run(init), { exitCode: 2, stderr: 'crac-init: no command' });
  t.not((await run(init, '@memory')).exitCode, 2);
});
test('@build without a command', misuse, ['@build', '--'], 'no command after --');
test('@cpu takes no command', misuse, ['@cpu', '--', 'x'], 'no command is taken here');
test('@probe without a port', misuse, ['@probe', '--kind', 'tcp'], 'missing option --port');
test(
  '@enter with a user alone',
  misuse,
  ['@enter', '--target', '1', '--uid', '1', '--', 'x'],
  '--uid, --gid and --groups take numbers, and belong together',
);
test(
  '@app with a PID that is none',
  misuse,
  [...'@app --pid 1 --uid 0 --gid 0 --groups 0 --cwd / --drop-caps 0 --status-fd 1 -- x'.split(' ')],
  'no process ID between 2 and 32767: 1',
);

test(
  '@app with clocks that begin at no number',
  misuse,
  [...'@app --pid 2 --uid 0 --gid 0 --groups 0 --cwd / --drop-caps 0 --status-fd 1 --clock-seconds -1 -- x'.split(' ')],
  'no number of seconds: -1',
);

const probe = async (init: BuiltInit, ...args: string[]): Promise<{ code: number | undefined; answer: Record<string, unknown> }> => {
  const { stdout, exitCode } = await run(init, '@probe', '--interval-us', '500', ...args);
  return { code: exitCode, answer: JSON.parse(stdout) as Record<string, unknown> };
};

async function withServer(host: string, server: Server, use: (port: string) => Promise<void>): Promise<void> {
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  try {
    await use(String((server.address() as AddressInfo).port));
  } finally {
    server.close();
  }
}

test('@probe asks until the answer is good', async (t) => {
  let count = 0;
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(`${request.method ?? ''} ${request.url ?? ''} ${request.httpVersion} ${request.headers.connection ?? ''}`);
    count += 1;
    response.statusCode = count < 3 ? 503 : 200;
    response.end('x'.repeat(100000));
  });
  await withServer('127.0.0.1', server, async (port) => {
    const { code, answer } = await probe(t.context.tools, '--kind', 'http', '--port', port, '--path', '/up?a=b', '--deadline-ms', '20000');
    t.is(code, 0);
    t.is(answer['attempts'], 3);
    t.is(answer['status'], 200);
    t.true(Number(answer['readyNs']) > 0);
    t.deepEqual(new Set(requests), new Set(['GET /up?a=b 1.1 close']));
  });
});

test('@probe takes the statuses it is told to', async (t) => {
  const server = createServer((_, response) => response.writeHead(404).end());
  await withServer('127.0.0.1', server, async (port) => {
    const http = ['--kind', 'http', '--port', port];
    t.is((await probe(t.context.tools, ...http, '--expect', '200,400-499', '--deadline-ms', '20000')).answer['status'], 404);
    const { code, answer } = await probe(t.context.tools, ...http, '--deadline-ms', '2000');
    t.is(code, 1);
    t.is(answer['error'], 'status 404');
  });
});

test('@probe finds a service that listens on IPv6 alone', async (t) => {
  const server = createServer((_, response) => response.end());
  const listens = await new Promise<boolean>((resolve) => {
    server.once('error', () => {
      resolve(false);
    });
    server.listen({ port: 0, host: '::1', ipv6Only: true }, () => {
      resolve(true);
    });
  });
  if (!listens) {
    t.log('skipped: no IPv6 loopback here');
    t.pass();
    return;
  }
  try {
    const port = String((server.address() as AddressInfo).port);
    t.is((await probe(t.context.tools, '--kind', 'http', '--port', port, '--deadline-ms', '20000')).code, 0);
    t.is((await probe(t.context.tools, '--kind', 'tcp', '--host', '::1', '--port', port, '--deadline-ms', '20000')).answer['status'], null);
    t.is((await probe(t.context.tools, '--kind', 'tcp', '--host', '127.0.0.1', '--port', port, '--deadline-ms', '50')).code, 1);
  } finally {
    server.close();
  }
});

test('@probe says at its deadline what was wrong last', async (t) => {
  const { code, answer } = await probe(t.context.tools, '--kind', 'tcp', '--port', '1', '--deadline-ms', '50');
  t.is(code, 1);
  t.is(answer['error'], 'no connection: ECONNREFUSED');
  t.true(Number(answer['attempts']) > 1);
});

test('@evict counts the regular files below a directory, each once, and follows no link', async (t) => {
  const root = await mkdtemp(join(tmpdir(), 'crac-build-evict-'));
  t.teardown(async () => rm(root, { recursive: true, force: true }));
  await mkdir(join(root, 'a/b/c'), { recursive: true });
  await writeFile(join(root, 'a/b/c/large'), Buffer.alloc(3_000_000, 1));
  await writeFile(join(root, 'a/small'), 'small');
  await writeFile(join(root, 'empty'), '');
  await symlink('/etc', join(root, 'link'));
  await symlink('/etc/passwd', join(root, 'a/link'));
  // More entries than fit what is read of a directory at a time, directories among them.
  for (let at = 0; at < 100; at++) {
    await mkdir(join(root, `many/directory-${at}`), { recursive: true });
    await writeFile(join(root, `many/directory-${at}/file`), 'x');
    await writeFile(join(root, `many/file-with-a-long-name-${at}`), 'y');
  }
  const { exitCode, stdout, stderr } = await run(t.context.tools, '@evict', '--root', root);
  t.is(exitCode, 0, stderr);
  const { files, bytes, keptBytes } = JSON.parse(stdout) as Record<string, number>;
  t.is(files, 202);
  t.is(bytes, 3_000_000 + 5 + 200);
  // A file system in memory keeps everything; no other counts more than there is.
  t.true(keptBytes !== undefined && keptBytes % 4096 === 0 && keptBytes <= 202 * 4096 + 3_000_000, stdout);
});

test('@evict goes so deep and no deeper, and says what it could not do', async (t) => {
  const root = await mkdtemp(join(tmpdir(), 'crac-build-evict-'));
  t.teardown(async () => rm(root, { recursive: true, force: true }));
  const path = (depth: number): string => join(root, ...Array.from({ length: depth }, () => 'd'));
  await mkdir(path(127), { recursive: true });
  t.like(await run(t.context.tools, '@evict', '--root', root), { exitCode: 0, stderr: '' });
  await mkdir(path(128));
  const { exitCode, stderr } = await run(t.context.tools, '@evict', '--root', root);
  t.is(exitCode, 1);
  t.regex(stderr, /^crac-init: the page cache cannot be emptied: d: ELOOP$/);
  t.is((await run(t.context.tools, '@evict', '--root', join(root, 'missing'))).exitCode, 1);
  t.is((await run(t.context.tools, '@evict', '--rot', root)).exitCode, 2);
});

/** Who may be asked for descriptors of a process that is no child. */
const rooted = process.getuid?.() === 0 ? test : test.skip;

rooted('@look tells of descriptors, of options that a new socket has otherwise, and of threads', async (t) => {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  t.teardown(() => socket.close());
  socket.setMulticastTTL(77);
  const names = await readdir('/proc/self/fd');
  const links = await Promise.all(names.map(async (name) => readlink(`/proc/self/fd/${name}`).catch(() => '')));
  const sockets = names.filter((_, i) => links[i]?.startsWith('socket:'));
  // Other tests open and close theirs meanwhile: each is asked for alone.
  const looks = await Promise.all(
    sockets.map(async (name) => run(t.context.tools, '@look', '--target', String(process.pid), '--', `t${process.pid}`, name)),
  );
  const found = looks.map(({ stdout }) => parseLooked(stdout));
  const options = found.flatMap((looked) => [...looked.options.values()].flat());
  t.true(options.some(({ level, name, sizeBytes, value }) => level === 0 && name === 33 && sizeBytes === 4 && value === 77n));
  t.true(found.some(({ events }) => [...events.values()].includes(0)));
  t.is(found[0]?.threads.get(process.pid)?.isScheduledOtherwise, false);
  t.is((await run(t.context.tools, '@look', '--target', String(process.pid), '--', '65000')).exitCode, 1);
  t.is((await run(t.context.tools, '@look', '--target', String(process.pid), '--', 'x')).exitCode, 2);
});
