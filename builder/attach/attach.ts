/**
 * HotSpot's attach protocol, version 1, without jcmd: a UNIX socket in the JVM's /tmp that takes one request a connection.
 * All paths go through /proc/PID/root, so that the JVM may live in other mount and PID namespaces.
 *
 *   request  "1" NUL operation NUL argument NUL argument NUL argument NUL
 *   reply    decimal code, "\n", text up to the end of file; code 0 is good
 *
 * Sources: src/hotspot/os/posix/attachListener_posix.cpp, jdk.attach/linux VirtualMachineImpl.java.
 */
import { chown, mkdir, readFile, readdir, rm, rmdir, stat, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { CracError } from '../errors.js';

export interface AttachReply {
  readonly code: number;
  readonly text: string;
}

/** A JVM's attach listener; `pid` is the JVM's PID as seen by this process. */
export interface Attach {
  /** Sends one operation. A reply with a code other than 0 is returned, not thrown. */
  operation(name: string, ...args: readonly string[]): Promise<AttachReply>;
  /** Sends one jcmd line, for example "GC.run". */
  jcmd(line: string): Promise<AttachReply>;
  /** Ends the listener so that neither its socket nor its thread is in a dump, and attach works again later. */
  close(): Promise<void>;
}

interface Paths {
  readonly socket: string;
  readonly trigger: string;
}

async function pathsOf(pid: number): Promise<Paths> {
  const status = await readFile(`/proc/${pid}/status`, 'latin1');
  // The files carry the PID of the innermost PID namespace, the last number of NSpid (proc_pid_status(5)).
  const inner = /^NSpid:\s*(.*)$/m.exec(status)?.[1]?.trim().split(/\s+/).at(-1) ?? String(pid);
  return { socket: `/proc/${pid}/root/tmp/.java_pid${inner}`, trigger: `/proc/${pid}/root/tmp/.attach_pid${inner}` };
}

/** SIGQUIT ends a process that has no handler for it yet: a JVM in its first milliseconds, or one with -Xrs. */
async function catchesQuit(pid: number): Promise<boolean> {
  const status = await readFile(`/proc/${pid}/status`, 'latin1');
  const caught = /^SigCgt:\s*(\w+)$/m.exec(status)?.[1];
  return caught !== undefined && (BigInt(`0x${caught}`) & 4n) !== 0n;
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/** The trigger has to belong to the JVM's effective user, else HotSpot ignores it (AttachListener::is_init_trigger). */
async function makeTrigger(pid: number, path: string): Promise<void> {
  await writeFile(path, '');
  const owner = await stat(`/proc/${pid}`);
  await chown(path, owner.uid, owner.gid);
}

async function openListener(pid: number, paths: Paths, timeoutMs: number, signal: AbortSignal): Promise<void> {
  if (await exists(paths.socket)) return;
  if (!(await catchesQuit(pid)))
    throw CracError.of('CRAC-ATTACH-FAILED', { command: 'attach', message: `process ${pid} does not catch SIGQUIT (-Xrs?)` });
  await makeTrigger(pid, paths.trigger);
  try {
    process.kill(pid, 'SIGQUIT');
    const end = Date.now() + timeoutMs;
    while (Date.now() < end) {
      if (await exists(paths.socket)) return;
      await sleep(5, undefined, { signal });
    }
    throw CracError.of('CRAC-ATTACH-FAILED', {
      command: 'attach',
      message: `no attach socket after ${timeoutMs} ms (-XX:+DisableAttachMechanism?)`,
    });
  } finally {
    await rm(paths.trigger, { force: true });
  }
}

function request(socket: string, timeoutMs: number, signal: AbortSignal, words: readonly string[]): Promise<AttachReply> {
  return new Promise((resolve, reject) => {
    const connection = connect(socket);
    const parts: Buffer[] = [];
    const abort = (): void => {
      connection.destroy(new Error('cancelled'));
    };
    signal.addEventListener('abort', abort, { once: true });
    connection.setTimeout(timeoutMs, () => connection.destroy(new Error(`no answer for ${timeoutMs} ms`)));
    connection.on('connect', () => connection.write(words.map((word) => `${word}\0`).join('')));
    connection.on('data', (part: Buffer) => parts.push(part));
    connection.on('error', reject);
    connection.on('close', () => {
      signal.removeEventListener('abort', abort);
      const reply = Buffer.concat(parts).toString('utf8');
      const end = reply.indexOf('\n');
      // A connection that is closed without a byte: this process's user is neither root nor the JVM's.
      if (end < 0) reject(new Error('the JVM closed the connection without an answer'));
      else resolve({ code: Number(reply.slice(0, end)), text: reply.slice(end + 1) });
    });
  });
}

async function closeListener(pid: number, paths: Paths, timeoutMs: number): Promise<void> {
  // Again where a new thread came so late that nothing was in its way.
  for (let attempt = 0; attempt < 3 && (await exists(paths.socket)); attempt++) {
    await closeOnce(pid, paths, timeoutMs);
    await sleep(20);
  }
}

async function closeOnce(pid: number, paths: Paths, timeoutMs: number): Promise<void> {
  // A SIGQUIT while the socket file is missing makes the JVM tear its listener down. With a trigger it starts a new one, whose bind
  // fails on a directory in the place of its temporary name: that resets the state, and nothing is printed. Without the trigger the
  // state would stay "initializing" for ever, and attach and thread dumps would be dead (facts: attach, "the listener").
  const obstacle = `${paths.socket}.tmp`;
  await mkdir(obstacle);
  try {
    await makeTrigger(pid, paths.trigger);
    await rm(paths.socket);
    process.kill(pid, 'SIGQUIT');
    // The old thread ends, and a moment later the new one begins and ends: on a busy machine there is time between them, in which
    // trigger and obstacle have to stay.
    const end = Date.now() + timeoutMs;
    let absent = 0;
    while (Date.now() < end && absent < 10) {
      absent = (await hasThread(pid, 'Attach Listener')) ? 0 : absent + 1;
      await sleep(10);
    }
  } finally {
    await rm(paths.trigger, { force: true });
    await rmdir(obstacle);
  }
}

async function hasThread(pid: number, name: string): Promise<boolean> {
  for (const tid of await readdir(`/proc/${pid}/task`)) {
    const comm = await readFile(`/proc/${pid}/task/${tid}/comm`, 'latin1').catch(() => '');
    if (comm.startsWith(name)) return true;
  }
  return false;
}

/**
 * Opens the attach listener of a JVM, for which it has `timeoutMs`; an answer may take `answerMs`. Throws CRAC-ATTACH-FAILED where the JVM
 * has none.
 */
export async function attach(pid: number, signal: AbortSignal, timeoutMs = 10_000, answerMs = 120_000): Promise<Attach> {
  const paths = await pathsOf(pid);
  const operation = async (name: string, ...args: readonly string[]): Promise<AttachReply> => {
    await openListener(pid, paths, timeoutMs, signal);
    try {
      // Always three arguments, empty ones included (attachListener_posix.cpp, read_request).
      return await request(paths.socket, answerMs, signal, ['1', name, args[0] ?? '', args[1] ?? '', args[2] ?? '']);
    } catch (cause) {
      throw CracError.of(
        'CRAC-ATTACH-FAILED',
        { command: [name, ...args].join(' '), message: cause instanceof Error ? cause.message : String(cause) },
        { cause },
      );
    }
  };
  await openListener(pid, paths, timeoutMs, signal);
  return {
    operation,
    jcmd: (line) => operation('jcmd', line),
    close: () => closeListener(pid, paths, timeoutMs),
  };
}
