import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import type { ScriptWarmup } from '../../../../builder/dockerfile/warmup.js';
import { runScript, type SpawnCommand, type SpawnEnd } from '../../../../builder/warmup/script.js';
import { parseShebang, scriptArgv, startProblem, type ScriptStart } from '../../../../builder/warmup/shebang.js';
import { rejection } from '../dockerfile/refusal.js';

const shebangs = test.macro({
  exec: (t, text: string, start: ScriptStart) => {
    t.deepEqual(parseShebang(Buffer.from(text)), start);
  },
  title: (_, text: string) => `starts ${JSON.stringify(text)}`,
});
test(shebangs, '#!/bin/sh\necho', { kind: 'interpreter', interpreter: '/bin/sh' });
test(shebangs, '#! \t/usr/bin/env  -S bash -eu \n', { kind: 'interpreter', interpreter: '/usr/bin/env', argument: '-S bash -eu' });
test(shebangs, '#!/bin/sh', { kind: 'interpreter', interpreter: '/bin/sh' });
test(shebangs, '#!/bin/sh\r\n', { kind: 'interpreter', interpreter: '/bin/sh\r' });
test(shebangs, '#!\n', { kind: 'none' });
test(shebangs, 'echo hi\n', { kind: 'none' });
test(shebangs, '', { kind: 'none' });
test(shebangs, '\x7fELF\x02', { kind: 'program' });

test('any bytes start somehow', (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => parseShebang(Buffer.concat([Buffer.from('#!'), bytes])).kind !== 'program'),
  );
  t.pass();
});

test('the words are those the kernel makes', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'crac-build-test-'));
  const script = join(directory, 'script');
  const text = '#!/usr/bin/printf  %s|%s|%s\n';
  writeFileSync(script, text);
  chmodSync(script, 0o755);
  const [command = '', ...args] = scriptArgv(parseShebang(Buffer.from(text)), script, ['a b', 'c']);
  t.is(execFileSync(command, args, { encoding: 'utf8' }), execFileSync(script, ['a b', 'c'], { encoding: 'utf8' }));
  rmSync(directory, { recursive: true });
  t.deepEqual(scriptArgv({ kind: 'none' }, '/s', ['a']), ['/bin/sh', '/s', 'a']);
  t.deepEqual(scriptArgv({ kind: 'program' }, '/s', ['a']), ['/s', 'a']);
});

const problems = test.macro({
  exec: async (t, text: string, problem: RegExp | null) => {
    const there = ['/bin/sh', '/usr/bin/env', '/usr/local/bin/bash', '/usr/bin/printf'];
    const files = { path: '/usr/bin:/usr/local/bin', exists: (file: string) => Promise.resolve(there.includes(file)) };
    const found = await startProblem(parseShebang(Buffer.from(text)), files);
    if (problem === null) t.is(found, null);
    else t.regex(found ?? '', problem);
  },
  title: (_, text: string) => `can be started? ${JSON.stringify(text)}`,
});
test(problems, '#!/bin/sh\n', null);
test(problems, 'echo\n', null);
test(problems, '\x7fELF', null);
test(problems, '#!/usr/bin/env bash\n', null);
test(problems, '#!/usr/bin/env -S LANG=C bash -eu\n', null);
test(problems, '#!/usr/bin/env python3\n', /no python3 on its PATH \(\/usr\/bin:\/usr\/local\/bin\)$/);
test(problems, '#!/bin/bash\n', /^the application's image has no \/bin\/bash$/);
test(problems, '#!/bin/sh\r\n', /CR LF/);
test(problems, '#!sh\n', /no absolute path/);

test('a script without a #! line needs a shell', async (t) => {
  const found = await startProblem({ kind: 'none' }, { path: '', exists: () => Promise.resolve(false) });
  t.is(found, "the application's image has no /bin/sh (the script has no #! line)");
});

const script: ScriptWarmup = {
  kind: 'script',
  script: 'scripts/w.sh',
  argv: ['scripts/w.sh', 'x'],
  timeoutMs: 600_000,
  text: '["scripts/w.sh", "x"]',
};
const signal = new AbortController().signal;
const spawns =
  (end: Partial<SpawnEnd>, lines: readonly string[] = []): SpawnCommand =>
  (_, { onLine }) => {
    for (const line of lines) onLine('stdout', line);
    return Promise.resolve({ code: null, signal: null, ...end });
  };

test('a good end, output passed on, words replaced', async (t) => {
  const seen: string[] = [];
  const spawn: SpawnCommand = (argv, options) => {
    t.deepEqual(argv, ['/bin/sh', '/out/w.sh', 'x']);
    return spawns({ code: 0 }, ['a', 'b'])(argv, options);
  };
  const { seconds } = await runScript(script, {
    spawn,
    argv: ['/bin/sh', '/out/w.sh', 'x'],
    signal,
    onLine: (stream, line) => seen.push(`${stream} ${line}`),
  });
  t.true(seconds >= 0);
  t.deepEqual(seen, ['stdout a', 'stdout b']);
});

test('a bad end shows the last lines', async (t) => {
  const lines = Array.from({ length: 50 }, (_, i) => `line ${i}`);
  const error = await rejection(runScript(script, { spawn: spawns({ code: 3 }, lines), signal }));
  t.is(error.code, 'CRAC-WARMUP-FAILED');
  t.regex(error.message, /\["scripts\/w\.sh", "x"\]: it ended with exit code 3\n {2}\| line 30\n[^]*\| line 49$/);
  t.regex((await rejection(runScript(script, { spawn: spawns({ signal: 'SIGKILL' }), signal }))).message, /killed by SIGKILL$/);
});

test('a command that cannot be started', async (t) => {
  const spawn: SpawnCommand = () => Promise.reject(Object.assign(new Error('spawn ENOENT'), { code: 'ENOENT' }));
  const error = await rejection(runScript({ kind: 'command', argv: ['curl'], timeoutMs: 600_000, text: '["curl"]' }, { spawn, signal }));
  t.regex(error.message, /the application's image has no curl$/);
});

test('cancelling rejects with its reason', async (t) => {
  const reason = new Error('cancelled');
  const aborted = AbortSignal.abort(reason);
  t.is(await t.throwsAsync(runScript(script, { spawn: spawns({ code: null, signal: 'SIGKILL' }), signal: aborted })), reason);
  t.is(await t.throwsAsync(runScript(script, { spawn: () => Promise.reject(new Error('x')), signal: aborted })), reason);
});

/** Prints, and ends only when it is told to. */
const endless =
  (lines: readonly string[]): SpawnCommand =>
  (_, { signal: stop, onLine }) =>
    new Promise((_resolve, reject) => {
      for (const line of lines) onLine('stderr', line);
      stop.addEventListener('abort', () => {
        reject(stop.reason as Error);
      });
    });

test('a script that is not done in its time is ended, and shows its last lines', async (t) => {
  const late = { ...script, timeoutMs: 20 };
  const error = await rejection(runScript(late, { spawn: endless(['loading', 'page 3']), signal }));
  t.is(error.code, 'CRAC-WARMUP-TIMEOUT');
  t.is(error.message, 'the warm-up was not done after 20ms: ["scripts/w.sh", "x"]: it still ran\n  | loading\n  | page 3');
  t.regex(error.hint, /--timeout/);
  t.regex((await rejection(runScript(late, { spawn: endless([]), signal }))).message, /: it still ran, and had printed nothing$/);
});

test('cancelling counts before the time does', async (t) => {
  const stop = new AbortController();
  const reason = new Error('cancelled');
  const running = runScript(script, { spawn: endless([]), signal: stop.signal });
  stop.abort(reason);
  t.is(await t.throwsAsync(running), reason);
});
