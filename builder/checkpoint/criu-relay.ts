/**
 * CRIU as a CRaC JDK knows it: a program that is called with the arguments of a dump. What the JDK calls (templates/relay) only asks here,
 * and waits. So java needs no right to be dumped, and the dump is the same as without the JDK's help.
 *
 *   request  (argument NUL)*, then the end of the stream; the program's name is left out
 *   answer   one byte, the exit status
 */
import { chmod, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';

/** Far more than any dump's arguments. */
const largestRequest = 64 * 1024;

export interface CriuRequest {
  /** `dump -t 40 -D DIR …` */
  readonly argv: readonly string[];
  /** Ends the program that asked, with that status. */
  readonly answer: (status: number) => void;
  /** Resolves when the one who asked is gone. */
  readonly gone: Promise<void>;
}

export class CriuRelay {
  readonly #server: Server;
  readonly #path: string;
  readonly #sockets = new Set<Socket>();
  #waiting: ((request: CriuRequest) => void) | undefined;

  private constructor(server: Server, path: string) {
    this.#server = server;
    this.#path = path;
  }

  /** Listens at the path; any user may ask. */
  static async listen(path: string): Promise<CriuRelay> {
    const server = createServer({ allowHalfOpen: true });
    const relay = new CriuRelay(server, path);
    server.on('connection', (socket) => {
      relay.#take(socket);
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(path, resolve);
    });
    await chmod(path, 0o666);
    return relay;
  }

  /** The next request for a dump. One at a time is waited for; what is asked meanwhile fails. */
  next(signal: AbortSignal): Promise<CriuRequest> {
    return new Promise((resolve, reject) => {
      const abort = (): void => {
        this.#waiting = undefined;
        reject(signal.reason as Error);
      };
      signal.addEventListener('abort', abort, { once: true });
      this.#waiting = (request) => {
        signal.removeEventListener('abort', abort);
        this.#waiting = undefined;
        resolve(request);
      };
    });
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => {
      this.#server.close(() => {
        resolve();
      });
    });
    await rm(this.#path, { force: true });
  }

  #take(socket: Socket): void {
    this.#sockets.add(socket);
    const parts: Buffer[] = [];
    let size = 0;
    const gone = new Promise<void>((resolve) =>
      socket.once('close', () => {
        this.#sockets.delete(socket);
        resolve();
      }),
    );
    socket.on('error', () => {
      socket.destroy();
    });
    socket.on('data', (part: Buffer) => {
      parts.push(part);
      size += part.length;
      if (size > largestRequest) socket.destroy();
    });
    socket.on('end', () => {
      const argv = Buffer.concat(parts).toString('utf8').split('\0').slice(0, -1);
      const answer = (status: number): void => {
        socket.end(Buffer.of(status));
      };
      // The engine may look at its CRIU first; only a dump is for somebody else to do.
      if (argv[0] === 'dump' && this.#waiting !== undefined) this.#waiting({ argv, answer, gone });
      else answer(1);
    });
  }
}
