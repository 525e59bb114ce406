/** Applications that cannot be made ready, warmed up or dumped. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { removeImages } from '../support/docker.js';
import { faulty, misfitImage } from '../support/misfit.js';
import { assertRefused, startBuild, assertNothingLeft } from '../support/refusal.js';

const listens = ['--ready', 'tcp://:8080'];
/** Long enough for the application to listen, also on a busy machine: what the probe meets before is another story. */
const patient = '--timeout=6s';
let image: string;
let folder: string;
let unheard: ReturnType<typeof startBuild>;

test.before(async (t) => {
  image = await misfitImage(t);
  folder = await mkdtemp(join(tmpdir(), 'crac-build-test-'));
  // Nothing that listens is waited for one minute: beside the other tests.
  unheard = startBuild(faulty(image, 'silent'));
  await unheard;
});

test.after.always(async () => {
  await rm(folder, { recursive: true, force: true });
  await removeImages();
});

test('it exits before it is ready: its last lines are shown', async (t) => {
  const { error } = await assertRefused(t, faulty(image, 'exits', ...listens), {
    code: 'CRAC-APP-EXITED',
    exit: 1,
    what: /ended \(exit code 3\) before it was ready; its last lines:/,
    hint: /--env/,
  });
  t.regex(error.what, / {2}\| reading the settings\n/);
  t.regex(error.what, / {2}\| the settings name no database$/m);
});

test('it is never ready: what the last probe said', async (t) => {
  await assertRefused(t, faulty(image, 'unready', '--ready', `${patient} http://:8080/health`), {
    code: 'CRAC-APP-NOT-READY',
    exit: 1,
    what: /not ready after 6 s: http:\/\/:8080\/health: status 503: the database is down/,
    hint: /--timeout/,
  });
});

test('it listens on another port than READY asks', async (t) => {
  await assertRefused(t, faulty(image, 'other-port', '--ready', `${patient} http://:8080/`), {
    code: 'CRAC-APP-NOT-READY',
    exit: 1,
    what: /127\.0\.0\.1:8080 refused the connection/,
    hint: /listens on 9090/,
  });
});

test('it listens on one address that the probe does not ask', async (t) => {
  await assertRefused(t, faulty(image, 'one-address', '--ready', `${patient} http://:8080/`), {
    code: 'CRAC-PROBE-UNREACHABLE',
    exit: 1,
    what: /listens on \d+\.\d+\.\d+\.\d+:8080 only, the probe asks the loopback address/,
    hint: /0\.0\.0\.0.*http:\/\/ADDRESS:PORT/,
  });
});

test('the log line never comes', async (t) => {
  await assertRefused(t, faulty(image, '', '--ready', `${patient} log:started in`), {
    code: 'CRAC-APP-NOT-READY',
    exit: 1,
    what: /log:started in: none of \d+ lines matches, the last one: serving on 8080/,
    hint: /READY/,
  });
});

test('two JVMs', async (t) => {
  await assertRefused(t, faulty(image, 'two-jvms', ...listens), {
    code: 'CRAC-APP-TWO-JVMS',
    exit: 1,
    what: /^2 JVMs run in the container: \d+ java .*; \d+ \/usr\/lib\/jvm\//,
    hint: /One container, one JVM/,
  });
});

test('the command cannot be run', async (t) => {
  await assertRefused(t, faulty(image, '', '--user', 'nobody-at-all', ...listens), {
    code: 'CRAC-APP-START-FAILED',
    exit: 1,
    what: /the image has no user "nobody-at-all"/,
    hint: /docker run/,
  });
});

test('too little memory', async (t) => {
  await assertRefused(t, faulty(image, '', '--memory', '24m', ...listens), {
    code: 'CRAC-STEP-FAILED',
    exit: 1,
    // The engine learns of the kill and of its reason from two messages: the reason may come too late for it.
    what: /early: (out of memory, )?exit code 137/,
    hint: /--memory/,
  });
});

test('warm-up: a request gets a wrong status', async (t) => {
  await assertRefused(t, faulty(image, '', ...listens, '--warmup', 'GET /broken'), {
    code: 'CRAC-WARMUP-FAILED',
    exit: 1,
    what: /GET \/broken: status 503 \(expected: 200-399\), the first request\n {2}\| the database is down$/,
    hint: /--expect=/,
  });
});

test('warm-up: a script fails, and its output is shown', async (t) => {
  await writeFile(join(folder, 'seed.sh'), '#!/bin/sh\necho seeding\necho no such table >&2\nexit 3\n');
  await assertRefused(
    t,
    faulty(image, '', ...listens, '--warmup', '["./seed.sh"]'),
    {
      code: 'CRAC-WARMUP-FAILED',
      exit: 1,
      what: /exit code 3\n {2}\| (seeding\n {2}\| no such table|no such table\n {2}\| seeding)$/,
      hint: /by hand/,
    },
    { cwd: folder },
  );
});

test('warm-up: a script and requests that take longer than they may', async (t) => {
  await writeFile(join(folder, 'slow.sh'), '#!/bin/sh\ntrap "" TERM\necho page 1\nsleep 600 &\nsleep 600\n');
  await assertRefused(
    t,
    faulty(image, '', ...listens, '--warmup', '--timeout=1s ["./slow.sh"]'),
    {
      code: 'CRAC-WARMUP-TIMEOUT',
      exit: 1,
      what: /not done after 1s: --timeout=1s \["\.\/slow\.sh"\]: it still ran\n {2}\| page 1$/,
      hint: /WARMUP --timeout/,
    },
    { cwd: folder },
  );
  await assertRefused(t, faulty(image, '', ...listens, '--warmup', '--timeout=1s --requests=1000000000 GET /'), {
    code: 'CRAC-WARMUP-TIMEOUT',
    exit: 1,
    what: /GET \/: \d+ good answers, the last one \d+(\.\d+)?(ms|s) before$|GET \/: \d+ good answers, the last one 0 before$/,
    hint: /--requests/,
  });
});

test('warm-up: the interpreter of a script is not in the image', async (t) => {
  await writeFile(join(folder, 'seed.py'), '#!/usr/bin/env python9\nprint("hello")\n');
  await assertRefused(
    t,
    faulty(image, '', ...listens, '--warmup', '["./seed.py"]'),
    { code: 'CRAC-WARMUP-SCRIPT', exit: 2, what: /has no python9 on its PATH/, hint: /WARMUP GET/ },
    { cwd: folder },
  );
});

test('warm-up: there is no such script, no such command', async (t) => {
  await assertRefused(t, faulty(image, '', ...listens, '--warmup', '["./nowhere.sh"]'), {
    code: 'CRAC-WARMUP-SCRIPT',
    exit: 2,
    what: /nowhere\.sh cannot be run: there is no such file/,
    hint: /application image/,
  });
  await assertRefused(t, faulty(image, '', ...listens, '--warmup', '["/opt/warm", "--fast"]'), {
    code: 'CRAC-WARMUP-FAILED',
    exit: 1,
    what: /the application's image has no \/opt\/warm/,
    hint: /by hand/,
  });
});

test('it dies in the warm-up', async (t) => {
  await assertRefused(t, faulty(image, '', ...listens, '--warmup', 'GET /die'), {
    code: 'CRAC-APP-EXITED',
    exit: 1,
    what: /ended \(exit code 9\) in the warm-up; its last lines:(.|\n)*\| serving on 8080/,
    hint: /--env/,
  });
});

test('it holds a TCP connection', async (t) => {
  await assertRefused(t, faulty(image, 'connection', ...listens), {
    code: 'CRAC-APP-CONNECTIONS',
    exit: 1,
    what: /127\.0\.0\.1:\d+ - 127\.0\.0\.1:5432/,
    hint: /Close pools/,
  });
});

test('CRIU cannot dump it: its own reason, explained', async (t) => {
  const connections = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    connections.add(socket);
    socket.on('error', () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(join(folder, 'service.sock'), resolve));
  t.teardown(() => {
    for (const socket of connections) socket.destroy();
    server.close();
  });
  const mount = `type=bind,source=${folder},target=/service`;
  const { error, events } = await assertRefused(
    t,
    faulty(image, 'unix-socket', '--explain', '--env', 'MISFIT_SOCKET=/service/service.sock', '--mount', mount, ...listens),
    { code: 'CRAC-DUMP-UNIX-SOCKET', exit: 1, what: /unix: External socket is used/, hint: /UNIX socket of another process/ },
  );
  t.regex(error.what, /Dumping FAILED/);
  const notes = events.flatMap((event) => (event.type === 'notice' ? [event.text] : []));
  t.true(
    notes.some((text) => /^descriptor \d+: .*, opened by Misfit\.main\(Misfit\.java:\d+\)/.test(text)),
    notes.join('\n'),
  );
});

test('there is no READY, and nothing listens', async (t) => {
  const { running, name } = await unheard;
  const { error, code } = await running.ended;
  t.is(error?.code, 'CRAC-APP-NO-PORT');
  t.is(code, 1);
  t.regex(error?.what ?? '', /no READY, and nothing listened on a TCP port for 60 s/);
  t.regex(error?.hint ?? '', /READY http/);
  await assertNothingLeft(t, running, name);
});
