/**
 * The mailbox: how the builder and the agent in the application's JVM (templates/agent) speak, with no file, socket or descriptor that a
 * dump could meet. The agent maps /.crac-build/generation privately; the builder reads and writes what follows the generation page there
 * through /proc/PID/mem. Numbers are u32, little endian.
 */

/** Offsets in the mailbox. */
export const mailboxFields = {
  magic: 0,
  version: 4,
  /** Of `states`; the agent's. */
  state: 8,
  /** Of `commands`; the builder's, with what follows. */
  command: 12,
  /** Counted up by the builder, after all else of a command. */
  sequence: 16,
  /** The sequence of the command that was done; the agent's, after all else of an answer. */
  answered: 20,
  flags: 24,
  textBytes: 28,
  /** UTF-8, of who wrote last. */
  text: 32,
} as const;

/** `GARC`, read as a number. */
export const mailboxMagic = 0x43524147;
export const mailboxVersion = 1;
export const mailboxTextBytes = 65_000;

export const commands = { prepare: 1, hold: 2, abort: 3, explain: 4 } as const;
export type CommandName = keyof typeof commands;

/** Flags of `prepare`. */
export const prepareFlags = { callbacks: 1, rehearse: 2 } as const;

/**
 * `failed`: a callback threw, the text is its exception; afterRestore has run and the application goes on. `asked`: the application
 * called Core.checkpointRestore(), its thread waits. `held`: what must not run before the renewals waits: it may be dumped.
 */
export const states = { absent: 0, idle: 1, working: 2, prepared: 3, held: 4, failed: 5, asked: 6, restored: 7 } as const;
export type StateName = keyof typeof states;
