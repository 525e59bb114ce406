/** The command line as a user meets it: a child process with its own standard streams. */
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import type { Ended } from './docker.js';

/** dist/cli/main.js; this file is dist/test/e2e/support/cli.js. */
export const cliPath = fileURLToPath(new URL('../../../cli/main.js', import.meta.url));

/** Runs crac-build; a non-zero exit is a value. */
export async function crac(
  args: readonly string[],
  options: { cwd?: string; env?: Readonly<Record<string, string>> } = {},
): Promise<Ended> {
  const result = await execa(process.execPath, [cliPath, ...args], { reject: false, ...options });
  return { code: result.exitCode ?? 255, stdout: result.stdout, stderr: result.stderr };
}
