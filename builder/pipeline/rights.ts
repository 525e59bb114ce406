/** Every right that crac-build asks for, with its reason. docs/rights.md says the same at length. */

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

/** What a container of the image needs to restore with the criu restorer; without it, it starts cold. */
export const criuRunRights: readonly Right[] = [
  { right: 'CAP_SYS_ADMIN', reason: 'CRIU makes the process again with its PIDs and memory (the default seccomp profile stays)' },
];

/** Names of the capabilities of a list, without the prefix, as engines take them. */
export const capabilityNames = (rights: readonly Right[]): readonly string[] =>
  rights.filter((r) => r.right.startsWith('CAP_')).map((r) => r.right.slice('CAP_'.length));

/** `docker run` arguments for an image with the criu restorer. */
export const criuRunArgs: readonly string[] = capabilityNames(criuRunRights).flatMap((name) => ['--cap-add', name]);

/** The capabilities that the build container has more than the final one: java is started without them. Hexadecimal mask. */
export const droppedInBuild: string = buildRights
  .reduce((mask, { bit }) => (bit === undefined ? mask : mask | (1n << BigInt(bit))), 0n)
  .toString(16);
