/** Real servers on loopback, at ports of the kernel's choice. */
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { connect, createServer as createTcpServer, type AddressInfo, type Server as TcpServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Running {
  readonly port: number;
  /** Resolves once no connection is open: the server hears of a closed one a moment later than its client. */
  readonly idle: () => Promise<void>;
  readonly close: () => Promise<void>;
}

function countConnections(server: TcpServer): Promise<number> {
  return new Promise((resolve, reject) => {
    server.getConnections((error, count) => {
      if (error) reject(error);
      else resolve(count);
    });
  });
}

async function run(server: TcpServer, host: string): Promise<Running> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  return {
    port: (server.address() as AddressInfo).port,
    idle: async () => {
      while ((await countConnections(server)) > 0) await sleep(5);
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        for (const socket of sockets) socket.destroy();
      }),
  };
}

export const serveHttp = (listener: RequestListener, host = '127.0.0.1'): Promise<Running> => run(createServer(listener), host);

export const serveHttps = (listener: RequestListener, credentials: { key: string; cert: string }): Promise<Running> =>
  run(createTlsServer(credentials, listener), '127.0.0.1');

export const serveTcp = (listener: (socket: Socket) => void, host = '127.0.0.1'): Promise<Running> => run(createTcpServer(listener), host);

/**
 * A port of 127.0.0.1 on which nothing listens. As the near end of a connection it stays taken as long as this process lives: the port of a
 * server that was closed would soon be that of another test.
 */
export async function closedPort(): Promise<number> {
  const server = createTcpServer((socket) => socket.unref());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  server.unref();
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  await once(socket, 'connect');
  socket.unref();
  return socket.localPort ?? 0;
}
