/** The engine port over the Docker API (Docker from 20.10 on, Podman by its compatible API). */
import type { Readable } from 'node:stream';
import * as v from 'valibot';
import { CracError } from '../errors.js';
import type { EngineAddress } from './address.js';
import {
  containersAnswer,
  createdAnswer,
  historyAnswer,
  imageAnswer,
  imageConfigAnswer,
  imagesAnswer,
  infoAnswer,
  progressLine,
  type ProgressLine,
  versionAnswer,
  volumesAnswer,
} from './answers.js';
import { LastLines, readBuildOutput } from './build-output.js';
import { containerRequest } from './container-spec.js';
import { DockerContainer } from './docker-container.js';
import { type RegistryCredentials, registryCredentials, type Surroundings } from './docker-config.js';
import { cancelled, statusOf, throwIfCancelled } from './errors.js';
import { Patience } from './patience.js';
import type {
  BuildImageOptions,
  ContainerSpec,
  Engine,
  EngineCapabilities,
  EngineContainer,
  EngineHistoryEntry,
  EngineImage,
  EngineImageConfig,
  ListedContainer,
  ListedImage,
  ListedVolume,
  OnBuildLine,
  OnTransfer,
} from './port.js';
import { registryOf, splitReference } from './reference.js';
import { type Request, Requests } from './requests.js';
import { jsonLines } from './streams.js';

/** Oldest API version with all that is asked for here (private cgroup namespaces, mounts): Docker 20.10. */
const oldestApi = '1.41';
/** Making a container takes an engine well below a second; one that is stuck is not waited for. */
const createLimitMs = 60_000;
/** The same from the moment at which the caller no longer wants it. */
const cancelledCreateLimitMs = 3_000;
/** Newest version this was written for; newer engines are asked to speak it. */
const newestApi = '1.51';

type Version = v.InferOutput<typeof versionAnswer>;

export interface DockerConnection {
  readonly address: EngineAddress;
  readonly dockerCommand: Engine['dockerCommand'];
  readonly surroundings: Surroundings;
}

/** Connects after a real answer to GET /version. Errors: CRAC-ENGINE-UNREACHABLE and its relatives, CRAC-ENGINE-TOO-OLD. */
export async function connectDocker(connection: DockerConnection, signal: AbortSignal): Promise<Engine> {
  const first = new Requests(connection.address, undefined);
  let version: Version;
  try {
    version = await first.json({ doing: 'asking for the version', method: 'GET', path: '/version' }, versionAnswer, signal);
  } finally {
    first.close();
  }
  if (compareVersions(version.ApiVersion, oldestApi) < 0) {
    throw CracError.of('CRAC-ENGINE-TOO-OLD', { found: version.ApiVersion, needed: oldestApi });
  }
  const spoken = compareVersions(version.ApiVersion, newestApi) < 0 ? version.ApiVersion : newestApi;
  const api = compareVersions(spoken, version.MinAPIVersion) < 0 ? version.MinAPIVersion : spoken;
  const name = isPodman(version) ? 'Podman' : 'Docker';
  const description = `${name} ${plainVersion(version)} at ${first.description}`;
  return new DockerEngine(new Requests(connection.address, api, description), version, connection);
}

class DockerEngine implements Engine {
  readonly description: string;
  readonly dockerCommand: Engine['dockerCommand'];
  readonly #requests: Requests;
  readonly #version: Version;
  readonly #surroundings: Surroundings;
  #capabilities: EngineCapabilities | undefined;

  constructor(requests: Requests, version: Version, { dockerCommand, surroundings }: DockerConnection) {
    this.description = requests.description;
    this.dockerCommand = dockerCommand;
    this.#requests = requests;
    this.#version = version;
    this.#surroundings = surroundings;
  }

  close(): void {
    this.#requests.close();
  }

  async capabilities(signal: AbortSignal): Promise<EngineCapabilities> {
    if (this.#capabilities) return this.#capabilities;
    const info = await this.#requests.json({ doing: 'asking for its abilities', method: 'GET', path: '/info' }, infoAnswer, signal);
    const podman = isPodman(this.#version);
    const securityOptions = info.SecurityOptions.map((option) => /^(?:name=)?([^,]+)/.exec(option)?.[1] ?? option);
    this.#capabilities = {
      name: podman ? 'podman' : 'docker',
      version: plainVersion(this.#version),
      apiVersion: this.#version.ApiVersion,
      id: info.ID,
      platform: { os: this.#version.Os, architecture: goArchitecture(this.#version.Arch) },
      store: info.DriverStatus.some(([key, value]) => key === 'driver-type' && String(value).includes('containerd'))
        ? 'containerd'
        : 'graph',
      cgroupVersion: info.CgroupVersion === '2' ? 2 : 1,
      securityOptions,
      rootless: securityOptions.includes('rootless'),
      buildkit: !podman && this.#version.Os === 'linux',
      kernel: info.KernelVersion === '' ? this.#version.KernelVersion : info.KernelVersion,
      cpus: info.NCPU,
      memoryBytes: info.MemTotal,
    };
    return this.#capabilities;
  }

  async inspectImage(reference: string, signal: AbortSignal): Promise<EngineImage | undefined> {
    const request: Request = { doing: `inspecting the image ${reference}`, method: 'GET', path: `${imagePath(reference)}/json` };
    try {
      const answer = await this.#requests.json(request, imageAnswer, signal);
      return {
        id: answer.Id,
        tags: answer.RepoTags,
        repoDigests: answer.RepoDigests,
        platform: {
          os: answer.Os,
          architecture: answer.Architecture,
          ...(answer.Variant !== '' && { variant: answer.Variant }),
        },
        config: imageConfig(answer.Config),
        diffIds: answer.RootFS?.Layers ?? [],
        sizeBytes: answer.Size,
        created: answer.Created,
      };
    } catch (error) {
      if (statusOf(error) === 404) return undefined;
      throw error;
    }
  }

  async imageHistory(reference: string, signal: AbortSignal): Promise<readonly EngineHistoryEntry[]> {
    const request: Request = { doing: `reading the history of ${reference}`, method: 'GET', path: `${imagePath(reference)}/history` };
    const answer = await this.#requests.json(request, historyAnswer, signal);
    return answer.map((entry) => ({
      created: entry.Created,
      createdBy: entry.CreatedBy,
      sizeBytes: entry.Size,
      comment: entry.Comment,
    }));
  }

  async pullImage(reference: string, options: { readonly platform?: string }, onProgress: OnTransfer, signal: AbortSignal): Promise<void> {
    const { repository, tag, digest } = splitReference(reference);
    const request: Request = {
      doing: `pulling ${reference}`,
      method: 'POST',
      path: '/images/create',
      // Without a tag all of them would be pulled.
      query: { fromImage: repository, tag: digest ?? tag ?? 'latest', platform: options.platform },
      headers: await this.#registryHeader(reference, signal),
    };
    try {
      const failure = await this.#transfer(request, onProgress, () => undefined, signal);
      if (failure !== undefined) throw this.#requests.fail(new Error(failure), request, signal);
    } catch (error) {
      if (error instanceof CracError && (error.code === 'CRAC-ENGINE-REFUSED' || error.code === 'CRAC-ENGINE-FAILED')) {
        const message = error.cause instanceof Error ? error.cause.message : error.message;
        throw CracError.of('CRAC-IMAGE-PULL-FAILED', { image: reference, message: message.trim() }, { cause: error });
      }
      throw error;
    }
  }

  async pushImage(reference: string, onProgress: OnTransfer, signal: AbortSignal): Promise<void> {
    const { repository, tag } = splitReference(reference);
    const request: Request = {
      doing: `pushing ${reference}`,
      method: 'POST',
      path: `${imagePath(repository)}/push`,
      query: { tag: tag ?? 'latest' },
      headers: await this.#registryHeader(reference, signal),
    };
    const failure = await this.#transfer(request, onProgress, () => undefined, signal);
    if (failure !== undefined) throw this.#requests.fail(new Error(failure), request, signal);
  }

  async tagImage(reference: string, newReference: string, signal: AbortSignal): Promise<void> {
    const { repository, tag } = splitReference(newReference);
    const query = { repo: repository, tag: tag ?? 'latest' };
    await this.#requests.send(
      { doing: `naming ${reference} ${newReference}`, method: 'POST', path: `${imagePath(reference)}/tag`, query },
      signal,
    );
  }

  async removeImage(reference: string, signal: AbortSignal): Promise<void> {
    const request: Request = { doing: `removing the image ${reference}`, method: 'DELETE', path: imagePath(reference), expected: [404] };
    await this.#requests.send(request, signal);
  }

  async loadImage(
    archive: Readable,
    onProgress: OnTransfer,
    signal: AbortSignal,
  ): Promise<{ readonly references: readonly string[]; readonly ids: readonly string[] }> {
    const request: Request = { doing: 'loading an image', method: 'POST', path: '/images/load', query: { quiet: false }, upload: archive };
    const references: string[] = [];
    const ids: string[] = [];
    const failure = await this.#transfer(
      request,
      onProgress,
      (line) => {
        const loaded = /^Loaded image(?: (ID))?: *(\S+)/.exec(line.stream);
        if (loaded?.[2] !== undefined) (loaded[1] === undefined ? references : ids).push(loaded[2]);
      },
      signal,
    );
    if (failure !== undefined) throw this.#requests.fail(new Error(failure), request, signal);
    return { references, ids };
  }

  async saveImage(reference: string, signal: AbortSignal): Promise<Readable> {
    return await this.#requests.stream(
      { doing: `reading the image ${reference}`, method: 'GET', path: `${imagePath(reference)}/get` },
      signal,
    );
  }

  async buildImage(context: Readable, options: BuildImageOptions, onLine: OnBuildLine, signal: AbortSignal): Promise<string> {
    const request: Request = {
      doing: 'building an image',
      method: 'POST',
      path: '/build',
      query: {
        dockerfile: options.dockerfile,
        t: options.tag,
        version: options.version,
        buildargs: JSON.stringify(Object.fromEntries(options.buildArgs)),
        labels: JSON.stringify(options.labels ?? {}),
        target: options.target,
        platform: options.platform,
        nocache: options.noCache,
        pull: options.pull ? 'true' : undefined,
        rm: true,
        forcerm: true,
      },
      upload: context,
    };
    const last = new LastLines();
    const remember: OnBuildLine = (stream, line) => {
      last.push(line);
      onLine(stream, line);
    };
    let failure: string;
    try {
      const outcome = await readBuildOutput(await this.#requests.stream(request, signal), remember);
      if (outcome.failure === undefined) return outcome.id ?? (await this.#builtImage(options.tag, request, signal));
      failure = outcome.failure.replace(/no active sessions?.*$/, '$& (secrets, ssh and named contexts need docker buildx)');
    } catch (thrown) {
      const error = this.#requests.fail(thrown, request, signal);
      // A Dockerfile that cannot be parsed is refused before there is a stream.
      if (!(error instanceof CracError) || (error.code !== 'CRAC-ENGINE-REFUSED' && statusOf(error) !== 500)) throw error;
      failure = error.cause instanceof Error ? error.cause.message.trim() : error.message;
    }
    const error = this.#requests.fail(new Error(failure), request, signal);
    if (error instanceof CracError && error.code === 'CRAC-DISK-FULL') throw error;
    throw CracError.of('CRAC-BASE-BUILD-FAILED', { message: last.failure(failure) }, { cause: error });
  }

  async #builtImage(tag: string, request: Request, signal: AbortSignal): Promise<string> {
    const image = await this.inspectImage(tag, signal);
    if (image === undefined) throw this.#requests.fail(new Error('the build ended without an image'), request, signal);
    return image.id;
  }

  async createContainer(spec: ContainerSpec, signal: AbortSignal): Promise<EngineContainer> {
    const request: Request = {
      doing: `creating a container of ${spec.image}`,
      method: 'POST',
      path: '/containers/create',
      query: { name: spec.name, platform: spec.platform },
      body: containerRequest(spec),
    };
    // The request itself is not aborted: the engine would make the container all the same, and nobody would know its ID.
    throwIfCancelled(signal);
    using patience = new Patience(signal, createLimitMs, cancelledCreateLimitMs);
    try {
      const { Id: id } = await this.#requests.json(request, createdAnswer, patience.signal);
      const container = this.container(id);
      if (signal.aborted) {
        await container.remove(patience.signal);
        throwIfCancelled(signal);
      }
      return container;
    } catch (cause) {
      if (!patience.signal.aborted) throw cause;
      const message = `no answer within ${(signal.aborted ? cancelledCreateLimitMs : createLimitMs) / 1000} s`;
      if (!signal.aborted) throw CracError.of('CRAC-ENGINE-FAILED', { request: this.#requests.nameOf(request), message });
      const left = `the engine is still ${request.doing} (${message}); the next build removes it`;
      throw CracError.fromReport({ ...cancelled(signal).report(), causes: [left] });
    }
  }

  container(id: string): EngineContainer {
    return new DockerContainer(this.#requests, id);
  }

  async createVolume(name: string, labels: Readonly<Record<string, string>>, signal: AbortSignal): Promise<void> {
    const body = { Name: name, Driver: 'local', Labels: labels };
    await this.#requests.send({ doing: `creating the volume ${name}`, method: 'POST', path: '/volumes/create', body }, signal);
  }

  async removeVolume(name: string, signal: AbortSignal): Promise<void> {
    const path = `/volumes/${encodeURIComponent(name)}`;
    await this.#requests.send({ doing: `removing the volume ${name}`, method: 'DELETE', path, expected: [404] }, signal);
  }

  async listContainers(label: string, signal: AbortSignal): Promise<readonly ListedContainer[]> {
    const query = { all: true, filters: JSON.stringify({ label: [label] }) };
    const request: Request = { doing: 'listing containers', method: 'GET', path: '/containers/json', query };
    const answer = await this.#requests.json(request, containersAnswer, signal);
    return answer.map(({ Id: id, Labels: labels, State: state }) => ({ id, labels, running: state === 'running' }));
  }

  async listVolumes(filter: { readonly label: string } | { readonly name: string }, signal: AbortSignal): Promise<readonly ListedVolume[]> {
    const filters = 'label' in filter ? { label: [filter.label] } : { name: [filter.name] };
    const request: Request = { doing: 'listing volumes', method: 'GET', path: '/volumes', query: { filters: JSON.stringify(filters) } };
    const answer = await this.#requests.json(request, volumesAnswer, signal);
    return answer.Volumes.map(({ Name: name, Labels: labels, CreatedAt: created }) => ({ name, labels, created }));
  }

  async listImages(
    filter: { readonly label: string } | { readonly repository: string },
    signal: AbortSignal,
  ): Promise<readonly ListedImage[]> {
    const filters = 'label' in filter ? { label: [filter.label] } : { reference: [filter.repository] };
    const request: Request = { doing: 'listing images', method: 'GET', path: '/images/json', query: { filters: JSON.stringify(filters) } };
    const answer = await this.#requests.json(request, imagesAnswer, signal);
    return answer.map(({ Id: id, RepoTags: tags, Labels: labels, Created: created }) => ({ id, tags, labels, created }));
  }

  /** Reads a progress stream to its end; returns the engine's words where it tells a failure. */
  async #transfer(
    request: Request,
    onProgress: OnTransfer,
    onLine: (line: ProgressLine) => void,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    let failure: string | undefined;
    try {
      for await (const value of jsonLines(await this.#requests.stream(request, signal))) {
        const line = v.parse(progressLine, value);
        const message = line.errorDetail?.message ?? line.error;
        if (message !== '') failure = message;
        onLine(line);
        const { current, total } = line.progressDetail ?? {};
        if (line.status !== '') {
          onProgress({
            detail: line.id === '' ? line.status : `${line.status} ${line.id}`,
            ...(typeof current === 'number' && { bytes: current }),
            ...(typeof total === 'number' && total > 0 && { totalBytes: total }),
          });
        }
      }
    } catch (thrown) {
      throw this.#requests.fail(thrown, request, signal);
    }
    return failure;
  }

  /** The header with credentials; Docker refuses a push without the header. */
  async #registryHeader(reference: string, signal: AbortSignal): Promise<Readonly<Record<string, string>>> {
    let credentials: RegistryCredentials | undefined;
    try {
      credentials = await registryCredentials(this.#surroundings, registryOf(reference), signal);
    } catch (cause) {
      throw CracError.of('CRAC-IMAGE-PULL-FAILED', { image: reference, message: 'the docker configuration cannot be read' }, { cause });
    }
    return { 'X-Registry-Auth': Buffer.from(JSON.stringify(credentials ?? {})).toString('base64url') };
  }
}

/** Compares versions of the form `1.41`: negative when `a` is older. An empty one is the oldest. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [a, b].map((text) => text.split('.').map((part) => Number.parseInt(part, 10) || 0));
  for (let index = 0; index < 3; index++) {
    const difference = (left?.[index] ?? 0) - (right?.[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

function isPodman(version: Version): boolean {
  return version.Components.some(({ Name: name }) => /podman/i.test(name));
}

/** Without what a distribution adds: `20.10.24+dfsg1` is 20.10.24. */
function plainVersion(version: Version): string {
  return version.Version.replace(/[+~-].*$/, '');
}

/** Podman and the kernel's names as OCI has them. */
function goArchitecture(name: string): string {
  return { x86_64: 'amd64', aarch64: 'arm64' }[name] ?? name;
}

/** Members that are null say nothing; on some stores all are there. */
function imageConfig(raw: Readonly<Record<string, unknown>>): EngineImageConfig {
  const told = Object.fromEntries(Object.entries(raw).filter(([, value]) => value !== null && value !== undefined));
  return v.parse(imageConfigAnswer, told) as EngineImageConfig;
}

/** Path of an image; a reference keeps its slashes, colons and at signs. */
function imagePath(reference: string): string {
  return `/images/${encodeURI(reference).replace(/[?#]/g, encodeURIComponent)}`;
}
