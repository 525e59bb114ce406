/**
 * What the docker command keeps in its folder ($DOCKER_CONFIG, else ~/.docker): contexts and credentials.
 * Formats: docker/cli cli/config/configfile/file.go, cli/context/store, cli/context/docker (v28).
 */
import { execa } from 'execa';
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import * as v from 'valibot';
import { type EngineAddress, parseAddress, type TlsFiles } from './address.js';

export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly home: string;
}

const strings = v.nullish(v.record(v.string(), v.string()), {});

const configFile = v.object({
  currentContext: v.nullish(v.string(), ''),
  credsStore: v.nullish(v.string(), ''),
  credHelpers: strings,
  auths: v.nullish(
    v.record(
      v.string(),
      v.object({ auth: v.nullish(v.string(), ''), identitytoken: v.nullish(v.string(), ''), registrytoken: v.nullish(v.string(), '') }),
    ),
    {},
  ),
});

const contextMeta = v.object({
  Name: v.string(),
  Endpoints: v.object({
    docker: v.optional(v.object({ Host: v.nullish(v.string(), ''), SkipTLSVerify: v.nullish(v.boolean(), false) })),
  }),
});

const helperAnswer = v.object({ Username: v.string(), Secret: v.string() });

/** A registry's credentials, as the header X-Registry-Auth has them. */
export type RegistryCredentials =
  | { readonly username: string; readonly password: string; readonly serveraddress: string }
  | { readonly identitytoken: string; readonly serveraddress: string }
  | { readonly registrytoken: string; readonly serveraddress: string };

function folderOf({ env, home }: Surroundings): string {
  const named = env['DOCKER_CONFIG'];
  return named !== undefined && named !== '' ? named : path.join(home, '.docker');
}

/** The configuration; the empty one where there is no file. Throws where the file cannot be read or is no JSON of that kind. */
async function readConfig(surroundings: Surroundings): Promise<v.InferOutput<typeof configFile>> {
  const file = path.join(folderOf(surroundings), 'config.json');
  return v.parse(configFile, (await readJson(file)) ?? {});
}

async function readJson(file: string): Promise<unknown> {
  const text = await readIfThere(file);
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text.toString('utf8')) as unknown;
  } catch (cause) {
    throw new Error(`${file} is no JSON`, { cause });
  }
}

async function readIfThere(file: string): Promise<Buffer | undefined> {
  try {
    return await readFile(file);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw cause;
  }
}

/** Name of the context the docker command would use; undefined for the default one. */
export async function currentContext(surroundings: Surroundings): Promise<string | undefined> {
  const named = surroundings.env['DOCKER_CONTEXT'];
  const name = named !== undefined && named !== '' ? named : (await readConfig(surroundings)).currentContext;
  return name === '' || name === 'default' ? undefined : name;
}

/** Where a context's engine is; a text says why that cannot be told. */
export async function contextAddress(surroundings: Surroundings, name: string): Promise<EngineAddress | string> {
  const contexts = path.join(folderOf(surroundings), 'contexts');
  // The folder's name is the digest of the context's.
  const id = createHash('sha256').update(name).digest('hex');
  const meta = v.safeParse(contextMeta, await readJson(path.join(contexts, 'meta', id, 'meta.json')));
  if (!meta.success) return `there is no context of this name in ${contexts}`;
  const endpoint = meta.output.Endpoints.docker;
  if (endpoint === undefined || endpoint.Host === '') return 'the context names no engine';
  return parseAddress(endpoint.Host, await contextTls(path.join(contexts, 'tls', id, 'docker'), endpoint.SkipTLSVerify));
}

async function contextTls(folder: string, skipVerify: boolean): Promise<TlsFiles | undefined> {
  const files = await readTls(folder);
  return files === undefined && !skipVerify ? undefined : { ...files, verify: !skipVerify };
}

/** ca.pem, cert.pem and key.pem of a folder, those that are there; undefined where none is. */
export async function readTls(folder: string): Promise<Omit<TlsFiles, 'verify'> | undefined> {
  const [ca, cert, key] = await Promise.all(['ca.pem', 'cert.pem', 'key.pem'].map((name) => readIfThere(path.join(folder, name))));
  return ca || cert || key ? { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) } : undefined;
}

/** TLS files of DOCKER_CERT_PATH (else the configuration's folder), where the environment asks for TLS. */
export async function environmentTls(surroundings: Surroundings): Promise<TlsFiles | undefined> {
  const { env } = surroundings;
  const verify = (env['DOCKER_TLS_VERIFY'] ?? '') !== '';
  const folder = env['DOCKER_CERT_PATH'] ?? '';
  if (!verify && (env['DOCKER_TLS'] ?? '') === '' && folder === '') return undefined;
  return { ...(await readTls(folder === '' ? folderOf(surroundings) : folder)), verify };
}

/**
 * Credentials of a registry: its credential helper, else the store, else the file itself. undefined: none, ask without.
 *
 * @param registry host and port, or Docker Hub's URL (reference.ts)
 */
export async function registryCredentials(
  surroundings: Surroundings,
  registry: string,
  signal: AbortSignal,
): Promise<RegistryCredentials | undefined> {
  const config = await readConfig(surroundings);
  const helper = config.credHelpers[registry] ?? config.credsStore;
  if (helper !== '') {
    const answer = await askHelper(helper, registry, surroundings, signal);
    if (answer !== undefined) return answer;
  }
  // Old versions of the command wrote keys with a scheme and a path.
  const entry = Object.entries(config.auths).find(
    ([key]) => key === registry || key.replace(/^https?:\/\//, '').split('/')[0] === registry,
  );
  if (entry === undefined) return undefined;
  const { auth, identitytoken, registrytoken } = entry[1];
  if (identitytoken !== '') return { identitytoken, serveraddress: registry };
  if (registrytoken !== '') return { registrytoken, serveraddress: registry };
  const decoded = Buffer.from(auth, 'base64').toString('utf8');
  const colon = decoded.indexOf(':');
  if (colon <= 0) return undefined;
  return { username: decoded.slice(0, colon), password: decoded.slice(colon + 1).replace(/\0+$/, ''), serveraddress: registry };
}

/** So many registries are taken from a configuration: each may start a helper. */
const mostRegistries = 100;

/**
 * Credentials of all registries that the configuration, its helpers and its store know, by the names they have there, as the docker
 * command sends them with a build (docker/cli cli/config/configfile/file.go, GetAllCredentials).
 */
export async function allRegistryCredentials(
  surroundings: Surroundings,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, RegistryCredentials>> {
  const config = await readConfig(surroundings);
  const stored = config.credsStore === '' ? [] : await listStore(config.credsStore, surroundings, signal);
  const names = [...new Set([...Object.keys(config.auths), ...Object.keys(config.credHelpers), ...stored])].slice(0, mostRegistries);
  const found = await Promise.all(names.map(async (name) => [name, await registryCredentials(surroundings, name, signal)] as const));
  return new Map(found.flatMap(([name, credentials]) => (credentials === undefined ? [] : [[name, credentials]])));
}

/** The registries that a credential store has something for; none where it cannot be asked. */
async function listStore(helper: string, surroundings: Surroundings, signal: AbortSignal): Promise<readonly string[]> {
  const parsed = v.safeParse(v.record(v.string(), v.string()), await runHelper(helper, 'list', '', surroundings, signal));
  return parsed.success ? Object.keys(parsed.output) : [];
}

/** A helper that is missing or has nothing for this registry exits with an error: no credentials, then. */
async function askHelper(
  helper: string,
  registry: string,
  surroundings: Surroundings,
  signal: AbortSignal,
): Promise<RegistryCredentials | undefined> {
  const parsed = v.safeParse(helperAnswer, await runHelper(helper, 'get', registry, surroundings, signal));
  if (!parsed.success) return undefined;
  const { Username: username, Secret: secret } = parsed.output;
  return username === '<token>'
    ? { identitytoken: secret, serveraddress: registry }
    : { username, password: secret, serveraddress: registry };
}

/** What `docker-credential-HELPER VERB` prints, as JSON; undefined where it cannot be run, fails, or prints something else. */
async function runHelper(
  helper: string,
  verb: 'get' | 'list',
  input: string,
  { env }: Surroundings,
  signal: AbortSignal,
): Promise<unknown> {
  if (!/^[A-Za-z0-9._-]+$/.test(helper)) return undefined;
  const result = await execa(`docker-credential-${helper}`, [verb], { input, env, cancelSignal: signal, timeout: 30_000, reject: false });
  if (result.failed) return undefined;
  try {
    return JSON.parse(result.stdout);
  } catch {
    return undefined;
  }
}

/** Names of all contexts, for messages. */
export async function contextNames(surroundings: Surroundings): Promise<readonly string[]> {
  const folder = path.join(folderOf(surroundings), 'contexts', 'meta');
  const ids = await readdir(folder).catch(() => []);
  const metas = await Promise.all(ids.map(async (id) => v.safeParse(contextMeta, await readJson(path.join(folder, id, 'meta.json')))));
  return metas.flatMap((meta) => (meta.success ? [meta.output.Name] : []));
}
