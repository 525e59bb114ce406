/** Every right that crac-build asks for, with its reason. docs/rights.md says the same at length. */

export interface Right {
  readonly right: string;
  readonly reason: string;
}

/** Capabilities of the build container beyond the engine's defaults, and what CRIU needs besides. */
export const buildRights: readonly Right[] = [
  { right: 'CAP_SYS_ADMIN', reason: 'namespaces of the application (PID, time, mounts), and CRIU' },
  { right: 'CAP_SYS_PTRACE', reason: 'CRIU and the attach protocol look into a process of another user' },
  { right: 'CAP_SYS_TIME', reason: "the application's clock begins near zero, so that no host is behind it" },
  { right: 'seccomp=unconfined', reason: 'CRIU cannot dump a process through a seccomp filter' },
];

/** What a container of the image needs to restore with the criu restorer; without it, it starts cold. */
export const criuRunRights: readonly Right[] = [
  { right: 'CAP_SYS_ADMIN', reason: 'CRIU makes the process again with its PIDs and memory (the default seccomp profile stays)' },
];

/** Names of the capabilities of a list, without the prefix, as engines take them. */
export const capabilityNames = (rights: readonly Right[]): readonly string[] =>
  rights.filter((r) => r.right.startsWith('CAP_')).map((r) => r.right.slice('CAP_'.length));

/** `docker run` arguments for an image with the criu restorer. */
export const criuRunArgs: readonly string[] = capabilityNames(criuRunRights).flatMap((name) => ['--cap-add', name]);

// Bit numbers of capabilities(7).
const bits: Readonly<Record<string, number>> = { SYS_PTRACE: 19, SYS_ADMIN: 21, SYS_TIME: 25 };

/** The capabilities that the build container has more than the final one: java is started without them. Hexadecimal mask. */
export const droppedInBuild: string = capabilityNames(buildRights)
  .reduce((mask, name) => mask | (1n << BigInt(bits[name] ?? 0)), 0n)
  .toString(16);
