/** The engine as a user meets it: the docker command. Everything made here carries a label of the run and is removed at its end. */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';
import { execa } from 'execa';

export const runId = randomBytes(4).toString('hex');
const label = `crac-build.test.run=${runId}`;

export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs docker; a non-zero exit is a value. */
export async function docker(args: readonly string[], options: { input?: string } = {}): Promise<Ended> {
  const result = await execa('docker', args, { reject: false, ...(options.input !== undefined && { input: options.input }) });
  return { code: result.exitCode ?? 255, stdout: result.stdout, stderr: result.stderr };
}

/** Runs docker and fails the test with its words where it fails. Gives standard output. */
export async function dockerOk(t: ExecutionContext, args: readonly string[]): Promise<string> {
  const result = await docker(args);
  if (result.code !== 0) t.fail(`docker ${args.join(' ')}: ${result.stderr}`);
  return result.stdout.trim();
}

export interface Container {
  readonly id: string;
  readonly ip: () => Promise<string>;
  readonly logs: () => Promise<string>;
  readonly exitCode: () => Promise<number>;
}

const handle = (t: ExecutionContext, id: string): Container => ({
  id,
  ip: () => dockerOk(t, ['inspect', '-f', '{{.NetworkSettings.IPAddress}}', id]),
  logs: async () => {
    const { stdout, stderr } = await docker(['logs', id]);
    return `${stdout}\n${stderr}`;
  },
  exitCode: async () => Number(await dockerOk(t, ['wait', id])),
});

/** `docker run -d`; the container is removed when the test ends. */
export async function run(
  t: ExecutionContext,
  image: string,
  args: readonly string[] = [],
  command: readonly string[] = [],
): Promise<Container> {
  const id = await dockerOk(t, ['run', '-d', '--label', label, ...args, image, ...command]);
  t.teardown(async () => {
    await docker(['rm', '-f', '-v', id]);
  });
  return handle(t, id);
}

/** `docker create`; for tests that change files before the start. */
export async function create(
  t: ExecutionContext,
  image: string,
  args: readonly string[] = [],
  command: readonly string[] = [],
): Promise<Container> {
  const id = await dockerOk(t, ['create', '--label', label, ...args, image, ...command]);
  t.teardown(async () => {
    await docker(['rm', '-f', '-v', id]);
  });
  return handle(t, id);
}

/** Polls a URL path of a container until it answers, then gives status and text. Fails after 60 s. */
export async function get(
  t: ExecutionContext,
  container: Container,
  path: string,
  options: { port?: number; init?: RequestInit } = {},
): Promise<{ status: number; text: string }> {
  const ip = await container.ip();
  for (const end = Date.now() + 60_000; ; await sleep(50)) {
    try {
      const response = await fetch(`http://${ip}:${options.port ?? 8080}${path}`, {
        ...options.init,
        headers: { connection: 'close', ...options.init?.headers },
      });
      return { status: response.status, text: await response.text() };
    } catch (cause) {
      if (Date.now() > end) {
        t.log(await container.logs());
        throw new Error(`${path} was not answered`, { cause });
      }
    }
  }
}

/** Waits until the log matches. Gives the whole log. */
export async function waitForLog(t: ExecutionContext, container: Container, pattern: RegExp, timeoutMs = 30_000): Promise<string> {
  for (const end = Date.now() + timeoutMs; ; await sleep(100)) {
    const text = await container.logs();
    if (pattern.test(text)) return text;
    if (Date.now() > end) {
      t.fail(`no line matches ${String(pattern)} in:\n${text}`);
      return text;
    }
  }
}

/** Builds a plain image from a Dockerfile text (no dialect) under a name of this run; removed at the end of the test file. */
export async function plainImage(t: ExecutionContext, name: string, dockerfile: string, context: string): Promise<string> {
  const tag = `crac-build-test-${runId}/${name}`;
  const result = await execa('docker', ['build', '-q', '-t', tag, '-f', '-', context], {
    input: dockerfile,
    reject: false,
    env: { DOCKER_BUILDKIT: '1' },
  });
  if (result.exitCode !== 0) t.fail(`docker build: ${result.stderr}`);
  return tag;
}

/** Removes every image of this run. */
export async function removeImages(): Promise<void> {
  const { stdout } = await docker(['images', '--format', '{{.Repository}}:{{.Tag}}']);
  const ours = stdout.split('\n').filter((name) => name.startsWith(`crac-build-test-${runId}/`));
  if (ours.length > 0) await docker(['rmi', '-f', ...ours]);
}
