/** Every right that crac-build asks for, with its reason. docs/rights.md says the same at length. */
import type { RestoreMode, RestorerName } from '../step/protocol.js';

export interface Right {
  readonly right: string;
  readonly reason: string;
}

/** Capabilities of the build container beyond the engine's defaults, with their bits of capabilities(7), and what CRIU needs besides. */
export const buildRights: readonly (Right & { readonly bit?: number })[] = [
  { right: 'CAP_SYS_ADMIN', bit: 21, reason: 'namespaces of the application (PID, time, mounts), and CRIU' },
  { right: 'CAP_SYS_PTRACE', bit: 19, reason: 'CRIU and the attach protocol look into a process of another user' },
  { right: 'CAP_SYS_TIME', bit: 25, reason: "the application's clock begins near zero, so that no host is behind it" },
  { right: 'seccomp=unconfined', reason: 'CRIU cannot dump a process through a seccomp filter' },
];

const restoring: Right = {
  right: 'CAP_SYS_ADMIN',
  reason: 'CRIU makes the process again with its PIDs and memory (the default seccomp profile stays)',
};

const bringingMemory: readonly Right[] = [
  { right: 'CAP_NET_ADMIN', reason: 'CRIU looks for userfaultfd only where it has all rights of its own kind' },
  { right: 'CAP_SYS_PTRACE', reason: 'memory is brought to another process, faults of system calls included' },
  { right: 'seccomp=unconfined', reason: 'the default profile forbids userfaultfd; a profile that allows it will do' },
];

/**
 * What a container of an image needs to restore; without it, it starts cold. Without what mode `lazy` needs on top, memory is read at
 * once. The tape needs nothing that containers do not have.
 */
export function runRights(restorer: RestorerName, mode: RestoreMode): readonly Right[] {
  if (restorer === 'tape') return [];
  return mode === 'lazy' ? [restoring, ...bringingMemory] : [restoring];
}

/** Names of the capabilities of a list, without the prefix, as engines take them. */
export const capabilityNames = (rights: readonly Right[]): readonly string[] =>
  rights.filter((r) => r.right.startsWith('CAP_')).map((r) => r.right.slice('CAP_'.length));

/** What of a list is a security option of the engine. */
export const securityOptions = (rights: readonly Right[]): readonly string[] =>
  rights.filter((r) => r.right.startsWith('seccomp=')).map((r) => r.right);

/** `docker run` arguments for an image. */
export function runArgs(restorer: RestorerName, mode: RestoreMode): readonly string[] {
  const rights = runRights(restorer, mode);
  return [
    ...capabilityNames(rights).flatMap((name) => ['--cap-add', name]),
    ...securityOptions(rights).flatMap((option) => ['--security-opt', option]),
  ];
}

/** The whole command that starts a container. */
export const runCommand = (args: readonly string[], image: string): string => ['docker run', ...args, image].join(' ');

/** The capabilities that the build container has more than the final one: java is started without them. Hexadecimal mask. */
export const droppedInBuild: string = buildRights
  .reduce((mask, { bit }) => (bit === undefined ? mask : mask | (1n << BigInt(bit))), 0n)
  .toString(16);
