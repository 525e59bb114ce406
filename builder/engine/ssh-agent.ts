/**
 * HTTP over `ssh TARGET docker system dial-stdio`, the way of the docker command: the user's own ssh with its keys, agent and
 * configuration, one process a connection. Podman has the same verb.
 */
import { spawn } from 'node:child_process';
import http from 'node:http';
import { Duplex, PassThrough } from 'node:stream';

/** Code of the error of a connection that ssh could not make or keep. */
export const sshFailure = 'ERR_CRAC_SSH';

export interface SshTarget {
  readonly target: string;
  readonly port?: number;
  /** Path of the engine's socket there; the engine's default otherwise. */
  readonly socket?: string;
}

/** Arguments of `ssh`. The target is checked to begin with no dash (address.ts). */
export function sshArguments(target: SshTarget): readonly string[] {
  return [
    '-T',
    '-o',
    'ConnectTimeout=30',
    ...(target.port === undefined ? [] : ['-p', String(target.port)]),
    '--',
    target.target,
    'docker',
    ...(target.socket === undefined ? [] : ['--host', `unix://${target.socket}`]),
    'system',
    'dial-stdio',
  ];
}

export class SshAgent extends http.Agent {
  readonly #target: SshTarget;

  constructor(target: SshTarget) {
    super({ keepAlive: false });
    this.#target = target;
  }

  override createConnection(): Duplex {
    const child = spawn('ssh', sshArguments(this.#target), { stdio: ['pipe', 'pipe', 'pipe'] });
    let complaint = '';
    child.stderr.setEncoding('utf8');
    child.stderr.on('data', (text: string) => {
      complaint = (complaint + text).slice(-500);
    });
    // The end waits for the status: only then is it known whether this was an end or a failure.
    const readable = child.stdout.pipe(new PassThrough(), { end: false });
    // An ssh that ends closes its standard input first: that alone says nothing of the reason.
    const writable = new PassThrough();
    child.stdin.on('error', () => undefined);
    writable.pipe(child.stdin);
    const connection = Duplex.from({ readable, writable });
    const lose = (message: string): void => {
      connection.destroy(Object.assign(new Error(message.trim()), { code: sshFailure }));
    };
    child.once('error', (error) => {
      lose(`ssh: ${error.message}`);
    });
    child.once('close', (status) => {
      if (status === 0 || status === null) readable.end();
      else lose(`ssh: ${complaint.trim() === '' ? `exit status ${status}` : complaint}`);
    });
    connection.once('close', () => {
      child.kill();
    });
    return connection;
  }
}
