import test from 'ava';
import { Readable } from 'node:stream';
import { cancelled, engineError, statusOf } from '../../../../builder/engine/errors.js';
import { CracError, type ErrorCode } from '../../../../builder/errors.js';
import { failure, FakeEngine, never } from './fake-engine.js';

const classified = test.macro({
  title: (name?: string) => `classified: ${name ?? ''}`,
  exec(t, thrown: unknown, code: ErrorCode, words: RegExp) {
    const error = engineError(thrown, 'creating a container (POST /containers/create)', 'Docker 1 at unix:///s');
    t.is(error.code, code);
    t.regex(error.message, words);
  },
});

const http = (status: number, words: string): Error =>
  Object.assign(new Error(`(HTTP code ${status}) unexpected - ${words} `), { statusCode: status });
const system = (code: string, syscall: string): Error => Object.assign(new Error(`${syscall} ${code} /s`), { code, syscall });

test(
  '400',
  classified,
  http(400, 'invalid CapAdd: unknown capability: "CAP_X"'),
  'CRAC-ENGINE-REFUSED',
  /refused creating a container .*: invalid CapAdd/,
);
test('404', classified, http(404, 'No such image: a:1'), 'CRAC-ENGINE-REFUSED', /: No such image: a:1$/);
test('409', classified, http(409, 'volume is in use'), 'CRAC-ENGINE-REFUSED', /volume is in use/);
test(
  '500',
  classified,
  http(500, 'layer does not exist'),
  'CRAC-ENGINE-FAILED',
  /failed at creating a container .*: layer does not exist$/,
);
test('500 of a right', classified, http(500, 'unable to apply caps: operation not permitted'), 'CRAC-ENGINE-REFUSED', /apply caps/);
test('500 without words', classified, http(503, ''), 'CRAC-ENGINE-FAILED', /status 503/);
test('full disk', classified, http(500, 'write /x: no space left on device'), 'CRAC-DISK-FULL', /no space left for the engine/);
test('full disk in a stream', classified, new Error('Error processing tar file: No space left on device'), 'CRAC-DISK-FULL', /./);
test(
  'refused',
  classified,
  system('ECONNREFUSED', 'connect'),
  'CRAC-ENGINE-UNREACHABLE',
  /Docker 1 at unix:\/\/\/s: nothing listens there at creating/,
);
test('no socket', classified, system('ENOENT', 'connect'), 'CRAC-ENGINE-UNREACHABLE', /no such socket/);
test('no right to the socket', classified, system('EACCES', 'connect'), 'CRAC-ENGINE-UNREACHABLE', /permission denied/);
test('lost', classified, system('ECONNRESET', 'read'), 'CRAC-ENGINE-UNREACHABLE', /closed the connection/);
test('a file of ours is no connection', classified, system('ENOENT', 'open'), 'CRAC-ENGINE-FAILED', /open ENOENT/);
test('TLS', classified, system('CERT_HAS_EXPIRED', ''), 'CRAC-ENGINE-UNREACHABLE', /TLS/);
test('no error at all', classified, 'text', 'CRAC-ENGINE-FAILED', /: text$/);

test('an error of ours stays', (t) => {
  const own = CracError.of('CRAC-USAGE', { message: 'x' });
  t.is(engineError(own, 'r', 'e'), own);
});

test('a cancelled call throws the signal’s reason, whatever happened', (t) => {
  const own = CracError.of('CRAC-CANCELLED', { signal: 'SIGTERM' });
  t.is(engineError(system('ECONNRESET', 'read'), 'r', 'e', AbortSignal.abort(own)), own);
  t.is(cancelled(AbortSignal.abort('SIGINT')).message, 'cancelled by SIGINT');
  t.is(cancelled(AbortSignal.abort()).message, 'cancelled by the caller');
  t.is(cancelled(AbortSignal.abort(new DOMException('', 'TimeoutError'))).message, 'cancelled by a deadline');
});

test('over the wire: status, words and request are kept', async (t) => {
  const fake = await FakeEngine.start({ 'POST /containers/create': { status: 409, body: { message: 'name in use' } } });
  t.teardown(() => fake.stop());
  const engine = await fake.connect();
  const error = await failure(engine.createContainer({ image: 'a' }, never));
  t.is(error.code, 'CRAC-ENGINE-REFUSED');
  t.is(statusOf(error), 409);
  t.is(error.message, 'the engine refused creating a container of a (POST /containers/create): name in use');
});

test('over the wire: an answer of another shape, or none', async (t) => {
  const fake = await FakeEngine.start({
    'POST /containers/create': { status: 201, body: { Id: 7 } },
    'GET /containers/json': { body: 'no json' },
    'GET /volumes': (_, response) => {
      response.writeHead(200);
      response.write('{"Volumes":');
      response.destroy();
    },
  });
  t.teardown(() => fake.stop());
  const engine = await fake.connect();
  t.regex((await failure(engine.createContainer({ image: 'a' }, never))).message, /unexpected answer: Id:/);
  t.is((await failure(engine.listContainers('a', never))).code, 'CRAC-ENGINE-FAILED');
  t.is((await failure(engine.listVolumes({ label: 'a' }, never))).code, 'CRAC-ENGINE-UNREACHABLE');
});

test('over the wire: cancelled before, and while waiting', async (t) => {
  const controller = new AbortController();
  const fake = await FakeEngine.start({
    'POST /containers/c/wait': (_, response) => {
      response.writeHead(200);
      response.flushHeaders();
      controller.abort('SIGINT');
    },
  });
  t.teardown(() => fake.stop());
  const engine = await fake.connect();
  t.is((await failure(engine.container('c').wait(AbortSignal.abort('SIGTERM')))).message, 'cancelled by SIGTERM');
  t.is((await failure(engine.container('c').wait(controller.signal))).message, 'cancelled by SIGINT');
});

test('load: the failure is in the stream, the status is 200', async (t) => {
  const fake = await FakeEngine.start({
    'POST /images/load': {
      body: '{"status":"Loading layer","progressDetail":{"current":5,"total":9},"id":"ab"}\n{"errorDetail":{"message":"no space left on device"},"error":"x"}\n',
    },
  });
  t.teardown(() => fake.stop());
  const engine = await fake.connect();
  const seen: unknown[] = [];
  const archive = Readable.from([Buffer.from('tar')]);
  t.is((await failure(engine.loadImage(archive, (progress) => seen.push(progress), never))).code, 'CRAC-DISK-FULL');
  t.deepEqual(seen, [{ detail: 'Loading layer ab', bytes: 5, totalBytes: 9 }]);
  t.true(archive.destroyed);
});

test('build: BuildKit’s and the classic builder’s streams, and a refused Dockerfile', async (t) => {
  const bodies: { status?: number; body: unknown }[] = [
    { body: '{"stream":"Step 1/1 : FR"}\n{"stream":"OM a\\n"}\n{"aux":{"ID":"sha256:1"}}\n{"stream":"Successfully built 1\\n"}\n' },
    { body: '{"stream":"out\\n"}\n{"errorDetail":{"code":9,"message":"it returned a non-zero code: 9"},"error":"x"}\n' },
    { status: 400, body: { message: 'dockerfile parse error line 3: unknown instruction: BOGUS' } },
  ];
  const fake = await FakeEngine.start({
    'POST /build': (request, response) => {
      request.resume();
      const { status, body } = bodies.shift() ?? { body: '' };
      response.writeHead(status ?? 200).end(typeof body === 'string' ? body : JSON.stringify(body));
    },
  });
  t.teardown(() => fake.stop());
  const engine = await fake.connect();
  const lines: string[] = [];
  const options = { dockerfile: 'D', tag: 't:1', version: '1', buildArgs: [['A', 'b']], noCache: true, pull: false } as const;
  const build = () => engine.buildImage(Readable.from([Buffer.alloc(1024)]), options, (_, line) => lines.push(line), never);
  t.is(await build(), 'sha256:1');
  t.deepEqual(lines, ['Step 1/1 : FROM a', 'Successfully built 1']);
  t.regex(fake.requests.at(-1) ?? '', /^POST \/build\?dockerfile=D&t=t%3A1&version=1&buildargs=%7B%22A%22%3A%22b%22%7D&.*nocache=true/);
  const step = await failure(build());
  t.is(step.code, 'CRAC-BASE-BUILD-FAILED');
  t.regex(step.message, /non-zero code: 9\n {2}\| out$/);
  t.regex((await failure(build())).message, /line 3: unknown instruction: BOGUS$/);
});

test('pull: refusals are CRAC-IMAGE-PULL-FAILED; one tag is asked for', async (t) => {
  const fake = await FakeEngine.start({ 'POST /images/create': { status: 404, body: { message: 'pull access denied' } } });
  t.teardown(() => fake.stop());
  const engine = await fake.connect();
  const error = await failure(engine.pullImage('host:5/a/b', {}, () => undefined, never));
  t.is(error.code, 'CRAC-IMAGE-PULL-FAILED');
  t.regex(error.message, /pull access denied/);
  t.is(fake.requests.at(-1), 'POST /images/create?fromImage=host%3A5%2Fa%2Fb&tag=latest');
});
