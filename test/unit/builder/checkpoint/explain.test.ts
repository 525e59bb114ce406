/** Ends of CRIU's logs, each with the code that it has to become in its first line. */
import { readdirSync, readFileSync } from 'node:fs';
import test from 'ava';
import { explainDump } from '../../../../builder/checkpoint/explain.js';
import { dumpReasons, says } from '../../../../builder/checkpoint/reasons.js';
import { errorTable } from '../../../../builder/errors.js';

const folder = new URL('../../../../../test/fixtures/criu/dump-logs/', import.meta.url);
const logs = readdirSync(folder).map((name) => {
  const [code = '', ...lines] = readFileSync(new URL(name, folder), 'utf8').trimEnd().split('\n');
  return { name, code, lines };
});

for (const { name, code, lines } of logs) {
  test(`${name} is ${code}`, (t) => {
    const error = explainDump({ lines: ['Pagemap is fully functional', ...lines], stderr: '', status: 1 });
    const told: string = error.code;
    t.is(told, code);
    t.is(error.exit, 1);
    if (code === 'CRAC-DISK-FULL') return;
    const [what = '', ...rest] = error.message.split('\n');
    t.notRegex(what, /^Error \(|Dumping FAILED/);
    t.deepEqual(
      rest.map((line) => line.replace(/^ {2}\| /, '')),
      lines.filter((line) => line.startsWith('Error') && !/\((?:criu\/(?:tun|libnetlink)\.c)|RLIMIT_NOFILE/.test(line)),
    );
  });
}

test('every code has a log, and every message of the table is one of its own code', (t) => {
  const seen = new Set(logs.map(({ code }) => code));
  for (const code of Object.keys(dumpReasons)) t.true(seen.has(code), code);
  for (const [code, messages] of Object.entries(dumpReasons)) {
    for (const message of messages) {
      const line = `Error (criu/x.c:1): ${message.replaceAll('…', 'x')}`;
      t.true(says(line, message));
      const found: string = explainDump({ lines: [line], stderr: '', status: 1 }).code;
      // Missing rights and memory are what is left: other messages may end like them.
      t.is(found, code, message);
    }
  }
  for (const code of Object.keys(errorTable).filter((name) => name.startsWith('CRAC-DUMP-'))) {
    t.true(code in dumpReasons || code === 'CRAC-DUMP-TIMEOUT', code);
  }
});

test('the words of CRIU before it has a log, and of its loader', (t) => {
  const rights =
    'CRIU needs to have the CAP_SYS_ADMIN or the CAP_CHECKPOINT_RESTORE capability: \nsetcap cap_checkpoint_restore+eip criu\n';
  t.is(explainDump({ lines: [], stderr: rights, status: 1 }).code, 'CRAC-DUMP-RIGHTS');
  const loader = explainDump({ lines: [], stderr: 'criu: error while loading shared libraries: libnet.so.1\n', status: 127 });
  t.is(loader.code, 'CRAC-CRIU-DUMP-FAILED');
  t.regex(loader.message, /error while loading shared libraries/);
});

test('CRIU was killed, or says nothing', (t) => {
  t.is(explainDump({ lines: ['Dumping pages'], stderr: '', status: 137 }).code, 'CRAC-DUMP-MEMORY');
  const silent = explainDump({ lines: [], stderr: '', status: null });
  t.is(silent.code, 'CRAC-CRIU-DUMP-FAILED');
  t.regex(silent.message, /CRIU ended without a reason/);
});

test('what is known to every detail counts more than a missing right before it', (t) => {
  const lines = [
    "Error (criu/mount.c:1): mnt: Can't open /x: Operation not permitted",
    'Error (criu/sk-unix.c:874): unix: External socket is used. Consider using --ext-unix-sk option.',
  ];
  t.is(explainDump({ lines, stderr: '', status: 1 }).code, 'CRAC-DUMP-UNIX-SOCKET');
});
