/**
 * The engine as a user meets it: the docker command. Everything made here has the run in its label or its name, and is removed at the
 * end; of a run that is killed, by the next one (dead-runs.ts).
 */
import type { ExecutionContext } from 'ava';
import { execa } from 'execa';
import { ownRunId } from './test-run.js';
import { until } from './until.js';

export const runId = ownRunId;
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

/** A container by its ID or name. */
export const handle = (t: ExecutionContext, id: string): Container => ({
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
  const { init, port = 8080 } = options;
  const headers = new Headers(init?.headers);
  headers.set('connection', 'close');
  const attempt = async (): Promise<{ status: number; text: string }> => {
    const response = await fetch(`http://${ip}:${port}${path}`, { ...init, headers });
    return { status: response.status, text: await response.text() };
  };
  return until(attempt, async () => `${path} is not answered:\n${await container.logs()}`, 60_000);
}

/** Lets the small application, which answers already, end itself. That its answer may not come any more is no failure. */
export async function exit(container: Container, code: number): Promise<void> {
  const ip = await container.ip();
  await fetch(`http://${ip}:8080/exit?code=${code}`).catch(() => undefined);
}

export interface ContainerProcess {
  readonly pid: number;
  readonly name: string;
  /** As /proc/PID/stat has it: S sleeps, Z is a zombie. */
  readonly state: string;
  readonly parent: number;
}

/** The processes in the container as they see each other, without those that look for them. */
export async function processes(t: ExecutionContext, container: Container): Promise<readonly ContainerProcess[]> {
  const stats = await dockerOk(t, ['exec', container.id, 'sh', '-c', 'echo $$; cat /proc/[0-9]*/stat 2>/dev/null || true']);
  const [shell, ...lines] = stats.split('\n');
  const all = lines.flatMap((line) => {
    const [, pid, name = '', state = '', parent] = /^(\d+) \((.*)\) (\S) (\d+)/.exec(line) ?? [];
    return pid === undefined ? [] : [{ pid: Number(pid), name, state, parent: Number(parent) }];
  });
  return all.filter(({ pid, parent }) => pid !== Number(shell) && parent !== Number(shell)).sort((a, b) => a.pid - b.pid);
}

/** Waits until the log matches. Gives the whole log. */
export async function waitForLog(t: ExecutionContext, container: Container, pattern: RegExp, timeoutMs?: number): Promise<string> {
  let log = '';
  const attempt = async (): Promise<boolean> => {
    log = await container.logs();
    return pattern.test(log);
  };
  await until(attempt, () => `no match of ${String(pattern)} in:\n${log}`, timeoutMs);
  t.regex(log, pattern);
  return log;
}

/** Builds a plain image from a Dockerfile text (no dialect) under a name of this run; removed at the end of the test file. */
export async function plainImage(t: ExecutionContext, name: string, dockerfile: string, context: string): Promise<string> {
  const tag = `crac-build-test-${runId}/${name}`;
  const result = await execa('docker', ['build', '-q', '-t', tag, '-f', '-', context], { input: dockerfile, reject: false });
  if (result.exitCode !== 0) t.fail(`docker build: ${result.stderr}`);
  return tag;
}

/** Removes every image of this run. */
export async function removeImages(): Promise<void> {
  const { stdout } = await docker(['images', '--format', '{{.Repository}}:{{.Tag}}']);
  const ours = stdout.split('\n').filter((name) => name.startsWith(`crac-build-test-${runId}/`));
  if (ours.length > 0) await docker(['rmi', '-f', ...ours]);
}
