/** Removes what test runs have left that were killed: nobody else does. */
import { docker } from './docker.js';
import { isOfDeadRun } from './test-run.js';

async function linesOf(args: readonly string[]): Promise<readonly string[]> {
  const { stdout } = await docker(args);
  return stdout.split('\n').filter((line) => line !== '');
}

/** Containers, then volumes, then images, by their names and labels. What is in use, or gone by now, is passed over. */
export async function removeDeadRuns(): Promise<void> {
  const containers = await linesOf(['ps', '-a', '--format', '{{.ID}} {{.Names}} {{.Label "crac-build.test.run"}}']);
  const ids = containers.filter(isOfDeadRun).map((line) => line.split(' ', 1)[0] ?? '');
  if (ids.length > 0) await docker(['rm', '-f', '-v', ...ids]);
  const volumes = (await linesOf(['volume', 'ls', '-q', '--filter', 'name=crac-build-test-'])).filter(isOfDeadRun);
  if (volumes.length > 0) await docker(['volume', 'rm', ...volumes]);
  const images = await linesOf(['images', '--format', '{{.Repository}}:{{.Tag}}']);
  const dead = images.filter((name) => name.startsWith('crac-build-test-') && isOfDeadRun(name));
  if (dead.length > 0) await docker(['rmi', '-f', ...dead]);
}
