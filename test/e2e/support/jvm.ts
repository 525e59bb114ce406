/** What looks at a JVM in a container from outside: its attach listener, and its debugger's socket. */
import { readFile } from 'node:fs/promises';
import net from 'node:net';
import type { ExecutionContext } from 'ava';
import { attach } from '../../../builder/attach/attach.js';
import { dockerOk, type Container } from './docker.js';

/** Runs jcmd lines on the application, the only child of the container's PID 1, each of which has to succeed. Gives their answers. */
export async function jcmd(t: ExecutionContext, container: Container, ...lines: readonly string[]): Promise<readonly string[]> {
  const init = await dockerOk(t, ['inspect', '-f', '{{.State.Pid}}', container.id]);
  const [pid = ''] = (await readFile(`/proc/${init}/task/${init}/children`, 'utf8')).trim().split(' ');
  const listener = await attach(Number(pid), AbortSignal.timeout(60_000));
  const answers: string[] = [];
  for (const line of lines) {
    const { code, text } = await listener.jcmd(line);
    t.is(code, 0, `${line}: ${text}`);
    answers.push(text);
  }
  return answers;
}

const handshake = 'JDWP-Handshake';
/** Length, number, flags, command set and command; in a reply an error code in place of the last two. */
const headerBytes = 11;

/** Commands of JDWP, the Java Debug Wire Protocol: set and number. */
export const jdwpCommands = { version: [1, 1], allThreads: [1, 4], suspend: [1, 8], resume: [1, 9], dispose: [1, 6] } as const;

/** A debugger: shakes hands, sends each command once the one before is answered, and ends. Gives the data of the answers. */
export async function debug(
  t: ExecutionContext,
  container: Container,
  port: number,
  commands: readonly (keyof typeof jdwpCommands)[],
): Promise<readonly Buffer[]> {
  const socket = net.connect(port, await container.ip());
  socket.setTimeout(30_000, () => socket.destroy(new Error('the debugged JVM does not answer')));
  const answers: Buffer[] = [];
  let sent = 0;
  let received = Buffer.alloc(0);
  const next = (): void => {
    const name = commands[sent++];
    if (name === undefined) {
      socket.end();
      return;
    }
    const packet = Buffer.alloc(headerBytes);
    packet.writeUInt32BE(headerBytes, 0);
    packet.writeUInt32BE(sent, 4);
    packet.set(jdwpCommands[name], 9);
    socket.write(packet);
  };
  socket.write(handshake);
  let isOpen = false;
  for await (const part of socket) {
    received = Buffer.concat([received, part as Buffer]);
    if (!isOpen && received.length >= handshake.length) {
      t.is(received.toString('latin1', 0, handshake.length), handshake);
      received = received.subarray(handshake.length);
      isOpen = true;
      next();
    }
    while (isOpen && received.length >= headerBytes && received.length >= received.readUInt32BE(0)) {
      const packet = received.subarray(0, received.readUInt32BE(0));
      received = received.subarray(packet.length);
      // Others are events that the JVM tells of itself.
      if (packet.readUInt8(8) !== 0x80) continue;
      t.is(packet.readUInt32BE(4), sent);
      t.is(packet.readUInt16BE(9), 0, 'error code');
      answers.push(packet.subarray(headerBytes));
      next();
    }
  }
  return answers;
}
