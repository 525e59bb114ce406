/** Containers over the Docker API. */
import { PassThrough, type Readable } from 'node:stream';
import * as v from 'valibot';
import { changesAnswer, containerAnswer, createdAnswer, execAnswer, pathStatAnswer, waitAnswer } from './answers.js';
import { statusOf } from './errors.js';
import { readGoFileMode } from './go-file-mode.js';
import type { Attached, ContainerState, EngineContainer, ExecOptions, ExecResult, FileChange, PathStat } from './port.js';
import type { Request, Requests } from './requests.js';
import { collect, collectOutput, demultiplex } from './streams.js';

/** Most output of an exec or of logs that is kept as text. */
const outputLimitBytes = 16 * 1024 * 1024;

const changeKinds = { 0: 'modified', 1: 'added', 2: 'deleted' } as const;

export class DockerContainer implements EngineContainer {
  readonly id: string;
  readonly #requests: Requests;

  constructor(requests: Requests, id: string) {
    this.#requests = requests;
    this.id = id;
  }

  async start(signal: AbortSignal): Promise<void> {
    await this.#requests.send(this.#request('starting the container', 'POST', '/start', { expected: [304] }), signal);
  }

  async wait(signal: AbortSignal): Promise<number> {
    const answer = await this.#requests.json(this.#request('waiting for the container', 'POST', '/wait'), waitAnswer, signal);
    return answer.StatusCode;
  }

  async kill(signalName: string, signal: AbortSignal): Promise<void> {
    // 404: it is gone, 409: it does not run.
    const request = this.#request('sending a signal to the container', 'POST', '/kill', {
      query: { signal: signalName },
      expected: [404, 409],
    });
    await this.#requests.send(request, signal);
  }

  async stop(seconds: number, signal: AbortSignal): Promise<void> {
    const request = this.#request('stopping the container', 'POST', '/stop', { query: { t: seconds }, expected: [304, 404] });
    await this.#requests.send(request, signal);
  }

  async remove(signal: AbortSignal): Promise<void> {
    // 409: somebody else removes it at this moment.
    const request = this.#request('removing the container', 'DELETE', '', { query: { force: true, v: true }, expected: [404, 409] });
    await this.#requests.send(request, signal);
  }

  async inspect(signal: AbortSignal): Promise<ContainerState> {
    const answer = await this.#inspect(signal);
    const { State: state } = answer;
    const network = answer.NetworkSettings;
    return {
      status: state.Status,
      running: state.Running,
      exitCode: state.ExitCode,
      oomKilled: state.OOMKilled,
      error: state.Error,
      startedAt: state.StartedAt,
      finishedAt: state.FinishedAt,
      health: healthOf(state.Health?.Status),
      image: answer.Image,
      labels: answer.Config.Labels,
      ipAddress:
        Object.values(network?.Networks ?? {})
          .map((one) => one?.IPAddress ?? '')
          .find((address) => address !== '') ?? '',
      ports: Object.fromEntries(
        Object.entries(network?.Ports ?? {}).flatMap(([port, bindings]) => {
          const host = Number(bindings?.[0]?.HostPort ?? '');
          return host > 0 ? [[port, host]] : [];
        }),
      ),
    };
  }

  async attach(options: { readonly stdin: boolean }, signal: AbortSignal): Promise<Attached> {
    const { Tty: tty } = (await this.#inspect(signal)).Config;
    const query = { stream: true, stdin: options.stdin, stdout: true, stderr: true };
    const request = this.#request('attaching to the container', 'POST', '/attach', { query });
    const socket = await this.#requests.upgrade(request, signal);
    const stdout = new PassThrough();
    const stderr = new PassThrough();
    // A stream that nobody reads may fail as well.
    for (const stream of [stdout, stderr]) stream.on('error', () => undefined);
    const translate = (thrown: unknown): Error => this.#requests.fail(thrown, request, signal);
    if (tty) {
      stderr.end();
      socket.once('error', (thrown) => stdout.destroy(translate(thrown)));
      socket.pipe(stdout);
    } else {
      // The targets carry a failure to their readers.
      demultiplex(socket, stdout, stderr, translate).catch(() => {
        socket.destroy();
      });
    }
    return { stdout, stderr, ...(options.stdin && { stdin: socket }) };
  }

  async resize(columns: number, rows: number, signal: AbortSignal): Promise<void> {
    await this.#requests.send(this.#request('resizing the terminal', 'POST', '/resize', { query: { h: rows, w: columns } }), signal);
  }

  async changes(signal: AbortSignal): Promise<readonly FileChange[]> {
    const answer = await this.#requests.json(this.#request('listing changed files', 'GET', '/changes'), changesAnswer, signal);
    return answer.map(({ Path: path, Kind: kind }) => ({ path, kind: changeKinds[kind] }));
  }

  async putArchive(directory: string, tar: Readable, signal: AbortSignal): Promise<void> {
    const query = { path: directory };
    await this.#requests.send(this.#request(`unpacking files to ${directory}`, 'PUT', '/archive', { query, upload: tar }), signal);
  }

  async getArchive(path: string, signal: AbortSignal): Promise<Readable> {
    return await this.#requests.stream(this.#request(`reading ${path}`, 'GET', '/archive', { query: { path } }), signal);
  }

  async statPath(path: string, signal: AbortSignal): Promise<PathStat | undefined> {
    const request = this.#request(`looking at ${path}`, 'HEAD', '/archive', { query: { path }, expected: [404] });
    const { status, headers } = await this.#requests.headers(request, signal);
    if (status === 404) return undefined;
    const header = headers['x-docker-container-path-stat'];
    try {
      const stat = v.parse(pathStatAnswer, JSON.parse(Buffer.from(String(header), 'base64').toString('utf8')));
      return {
        name: stat.name,
        sizeBytes: stat.size,
        ...readGoFileMode(stat.mode),
        modified: stat.mtime,
        linkTarget: stat.linkTarget,
      };
    } catch (thrown) {
      throw this.#requests.fail(thrown, request, signal);
    }
  }

  async exec(argv: readonly string[], options: ExecOptions, signal: AbortSignal): Promise<ExecResult> {
    const body = {
      Cmd: argv,
      AttachStdout: true,
      AttachStderr: true,
      ...(options.user !== undefined && { User: options.user }),
      ...(options.env && { Env: options.env }),
      ...(options.workingDir !== undefined && { WorkingDir: options.workingDir }),
    };
    const doing = `running ${argv[0] ?? ''} in the container`;
    const { Id: id } = await this.#requests.json(this.#request(doing, 'POST', '/exec', { body }), createdAnswer, signal);
    const start: Request = { doing, method: 'POST', path: `/exec/${id}/start`, body: { Detach: false, Tty: false } };
    const socket = await this.#requests.upgrade(start, signal);
    let output = { stdout: '', stderr: '' };
    try {
      if (options.onOutput) await deliver(socket, options.onOutput);
      else output = await collectOutput(socket, outputLimitBytes);
    } catch (thrown) {
      throw this.#requests.fail(thrown, start, signal);
    } finally {
      socket.destroy();
    }
    return { exitCode: await this.#execStatus(id, doing, signal), ...output };
  }

  /** The stream's end can be seen before the engine has noted the exit. */
  async #execStatus(id: string, doing: string, signal: AbortSignal): Promise<number> {
    const request: Request = { doing, method: 'GET', path: `/exec/${id}/json` };
    for (let attempt = 0; attempt < 50; attempt++) {
      const answer = await this.#requests.json(request, execAnswer, signal);
      if (!answer.Running && typeof answer.ExitCode === 'number') return answer.ExitCode;
      await new Promise((resolve) => setTimeout(resolve, 20 + attempt * 5));
    }
    throw this.#requests.fail(new Error('its output ended, but it goes on running'), request, signal);
  }

  async logs(options: { readonly tail?: number }, signal: AbortSignal): Promise<{ readonly stdout: string; readonly stderr: string }> {
    const { Tty: tty } = (await this.#inspect(signal)).Config;
    const query = { stdout: true, stderr: true, tail: options.tail ?? 'all' };
    const request = this.#request('reading the log of the container', 'GET', '/logs', { query });
    const body = await this.#requests.stream(request, signal);
    try {
      return tty ? { stdout: await collect(body, outputLimitBytes), stderr: '' } : await collectOutput(body, outputLimitBytes);
    } catch (thrown) {
      throw this.#requests.fail(thrown, request, signal);
    } finally {
      body.destroy();
    }
  }

  async #inspect(signal: AbortSignal): Promise<v.InferOutput<typeof containerAnswer>> {
    return await this.#requests.json(this.#request('inspecting the container', 'GET', '/json'), containerAnswer, signal);
  }

  #request(doing: string, method: Request['method'], verb: string, rest: Partial<Request> = {}): Request {
    return { doing, method, path: `/containers/${encodeURIComponent(this.id)}${verb}`, ...rest };
  }
}

/** Whether an error says that there is no such container (any more). */
export function isGone(error: unknown): boolean {
  return statusOf(error) === 404;
}

function healthOf(status: string | undefined): ContainerState['health'] {
  return status === 'starting' || status === 'healthy' || status === 'unhealthy' ? status : 'none';
}

async function deliver(socket: Readable, onOutput: NonNullable<ExecOptions['onOutput']>): Promise<void> {
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const read = async (from: PassThrough, name: 'stdout' | 'stderr'): Promise<void> => {
    for await (const chunk of from as AsyncIterable<Buffer>) onOutput(name, chunk);
  };
  await Promise.all([demultiplex(socket, stdout, stderr), read(stdout, 'stdout'), read(stderr, 'stderr')]);
}
