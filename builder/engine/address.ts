/** Where an engine listens, and the forms in which people and the docker command write it. */

export interface TlsFiles {
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
  /** false: any certificate of the engine is taken, as the docker command does when told so. */
  readonly verify: boolean;
  /** Name to check the certificate against, where it is not the host's. */
  readonly serverName?: string;
}

export type EngineAddress =
  | { readonly kind: 'socket'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number; readonly tls?: TlsFiles }
  /** The engine of another machine, reached by `ssh TARGET docker system dial-stdio`. */
  | { readonly kind: 'ssh'; readonly target: string; readonly port?: number; readonly socket?: string };

/** The address as DOCKER_HOST has it. */
export function formatAddress(address: EngineAddress): string {
  switch (address.kind) {
    case 'socket':
      return address.path.startsWith('//') ? `npipe://${address.path}` : `unix://${address.path}`;
    case 'tcp':
      return `tcp://${address.host.includes(':') ? `[${address.host}]` : address.host}:${address.port}`;
    case 'ssh':
      return `ssh://${address.target}${address.port === undefined ? '' : `:${address.port}`}${address.socket ?? ''}`;
  }
}

/**
 * Reads an address in the form of DOCKER_HOST: `unix:///PATH`, `npipe:////./pipe/NAME`, `tcp://HOST[:PORT]`, `http://…`, `https://…`,
 * `ssh://[USER@]HOST[:PORT][/SOCKET]`. TLS files are added by the caller.
 *
 * @returns the address, or a text that says what is wrong with it
 */
export function parseAddress(text: string, tls: TlsFiles | undefined): EngineAddress | string {
  const unix = /^(?:unix|npipe):\/\/(.+)$/.exec(text);
  if (unix?.[1] !== undefined) return { kind: 'socket', path: unix[1] };
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text)?.[1]?.toLowerCase() ?? 'tcp';
  if (!['tcp', 'http', 'https', 'ssh'].includes(scheme)) return `${scheme}:// is not supported`;
  let url: URL;
  try {
    // A scheme that URL does not know, because of http it would drop port 80.
    url = new URL(`engine://${text.replace(/^[^/]*:\/\//, '')}`);
  } catch {
    return 'this is no address; expected unix:///PATH, tcp://HOST:PORT or ssh://HOST';
  }
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  if (host === '') return 'this is no host';
  if (scheme === 'ssh') {
    const user = url.username === '' ? '' : `${decodeURIComponent(url.username)}@`;
    // A leading dash would be an option of ssh.
    if (`${user}${host}`.startsWith('-')) return 'this is no host';
    return {
      kind: 'ssh',
      target: `${user}${host}`,
      ...(url.port !== '' && { port: Number(url.port) }),
      ...(url.pathname.length > 1 && { socket: url.pathname }),
    };
  }
  if (url.pathname.length > 1) return 'a path behind the port is not supported';
  const secured = tls ?? (scheme === 'https' ? { verify: true } : undefined);
  const port = url.port !== '' ? Number(url.port) : scheme === 'https' ? 443 : secured ? 2376 : 2375;
  return { kind: 'tcp', host, port, ...(secured && { tls: secured }) };
}
