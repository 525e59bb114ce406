/** Every `sh` block of the README and of docs/ is run as it stands: each distinct command line once, in the order of the pages. */
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { execa } from 'execa';
import { cliPath } from './support/cli.js';
import { docker } from './support/docker.js';

/** The repository; this file is dist/test/e2e/docs.test.js. */
const root = fileURLToPath(new URL('../../../', import.meta.url));

/** The lines of all fenced `sh` blocks; other kinds (`shell`, `text`) are not meant to be run here. */
function commandsOf(markdown: string): string[] {
  return [...markdown.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].flatMap(([, block = '']) =>
    block
      .replaceAll('\\\n', ' ')
      .split('\n')
      .filter((line) => line.trim() !== '' && !line.startsWith('#')),
  );
}

async function readPages(): Promise<string[]> {
  const docs = (await readdir(join(root, 'docs'))).filter((name) => name.endsWith('.md')).sort();
  return Promise.all(
    ['README.md', 'CONTRIBUTING.md', ...docs.map((name) => join('docs', name))].map((page) => readFile(join(root, page), 'utf8')),
  );
}

test('the commands of the documentation work', async (t) => {
  t.timeout(15 * 60_000);
  const bin = await mkdtemp(join(tmpdir(), 'crac-build-docs-'));
  t.teardown(async () => {
    await rm(bin, { recursive: true });
    await docker(['rm', '-f', 'crac-build-docs']);
  });
  await writeFile(join(bin, 'crac-build'), `#!/bin/sh\nexec "${process.execPath}" "${cliPath}" "$@"\n`, { mode: 0o755 });
  const env = { PATH: `${bin}:${dirname(process.execPath)}:${process.env['PATH'] ?? ''}` };
  const commands = (await readPages()).flatMap(commandsOf);
  t.true(commands.length >= 5);
  const done = new Set<string>();
  for (const command of commands) {
    if (done.has(command) && !command.startsWith('docker')) continue;
    done.add(command);
    const result = await execa('sh', ['-c', command], { cwd: root, env, reject: false, all: true });
    t.is(result.exitCode, 0, `${command}\n${result.all.slice(-3000)}`);
    t.log(command);
  }
});
