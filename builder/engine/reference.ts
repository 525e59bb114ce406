/** Parts of an image reference, as far as the engine's API asks for them apart: `[HOST/]NAME[:TAG][@DIGEST]`. */

export interface ReferenceParts {
  /** `[HOST/]NAME`. */
  readonly repository: string;
  readonly tag: string | undefined;
  readonly digest: string | undefined;
}

export function splitReference(reference: string): ReferenceParts {
  const at = reference.indexOf('@');
  const digest = at < 0 ? undefined : reference.slice(at + 1);
  const name = at < 0 ? reference : reference.slice(0, at);
  const colon = name.lastIndexOf(':');
  // A colon before a slash belongs to the host's port.
  const tagged = colon > name.lastIndexOf('/');
  return { repository: tagged ? name.slice(0, colon) : name, tag: tagged ? name.slice(colon + 1) : undefined, digest };
}

/** Docker Hub's name in the docker configuration. */
export const dockerHub = 'https://index.docker.io/v1/';

/** The registry of a reference, as the keys of the docker configuration name it. */
export function registryOf(reference: string): string {
  const host = hostOf(reference);
  return host === undefined || host === 'docker.io' || host === 'index.docker.io' ? dockerHub : host;
}

/** The whole name, as containerd has it: `a:1` is `docker.io/library/a:1`. */
export function canonicalReference(reference: string): string {
  if (hostOf(reference) !== undefined) return reference;
  return `docker.io/${reference.includes('/') ? '' : 'library/'}${reference}`;
}

/** A first part counts as a host when it has a dot or a port, or is `localhost` (distribution/reference, splitDockerDomain). */
function hostOf(reference: string): string | undefined {
  const { repository } = splitReference(reference);
  const first = repository.split('/')[0] ?? '';
  return repository.includes('/') && (/[.:]/.test(first) || first === 'localhost') ? first : undefined;
}
