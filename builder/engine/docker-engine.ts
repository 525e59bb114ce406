/** The engine port over the Docker API (Docker from 20.10 on, Podman by its compatible API). */
import type { Readable } from 'node:stream';
import { CracError } from '../errors.js';
import type { EngineAddress } from './address.js';
import { containersAnswer, createdAnswer, infoAnswer, versionAnswer, volumesAnswer } from './answers.js';
import { containerRequest } from './container-spec.js';
import { compareVersions, isPodman, plainVersion, readCapabilities, type Version } from './docker-abilities.js';
import type { Surroundings } from './docker-config.js';
import { DockerContainer } from './docker-container.js';
import { DockerImages } from './docker-images.js';
import { cancelled, throwIfCancelled } from './errors.js';
import { Patience } from './patience.js';
import type {
  BuildImageOptions,
  ContainerSpec,
  Engine,
  EngineCapabilities,
  EngineContainer,
  EngineHistoryEntry,
  EngineImage,
  ListedContainer,
  ListedImage,
  ListedVolume,
  OnBuildLine,
  OnTransfer,
} from './port.js';
import { type Request, Requests } from './requests.js';

/** Oldest API version with all that is asked for here (private cgroup namespaces, mounts): Docker 20.10. */
const oldestApi = '1.41';
/** Making a container takes an engine well below a second, and seconds where it fills a volume; one that is stuck is not waited for. */
const createLimitMs = 180_000;
/** The same from the moment at which the caller no longer wants it. */
const cancelledCreateLimitMs = 3_000;
/** Newest version this was written for; newer engines are asked to speak it. */
const newestApi = '1.51';

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
  readonly #images: DockerImages;
  #capabilities: EngineCapabilities | undefined;

  constructor(requests: Requests, version: Version, { dockerCommand, surroundings }: DockerConnection) {
    this.description = requests.description;
    this.dockerCommand = dockerCommand;
    this.#requests = requests;
    this.#version = version;
    this.#images = new DockerImages(requests, surroundings);
  }

  close(): void {
    this.#requests.close();
  }

  async capabilities(signal: AbortSignal): Promise<EngineCapabilities> {
    if (this.#capabilities) return this.#capabilities;
    const info = await this.#requests.json({ doing: 'asking for its abilities', method: 'GET', path: '/info' }, infoAnswer, signal);
    this.#capabilities = readCapabilities(this.#version, info);
    return this.#capabilities;
  }

  inspectImage(reference: string, signal: AbortSignal): Promise<EngineImage | undefined> {
    return this.#images.inspect(reference, signal);
  }

  imageHistory(reference: string, signal: AbortSignal): Promise<readonly EngineHistoryEntry[]> {
    return this.#images.history(reference, signal);
  }

  pullImage(reference: string, options: { readonly platform?: string }, onProgress: OnTransfer, signal: AbortSignal): Promise<void> {
    return this.#images.pull(reference, options, onProgress, signal);
  }

  pushImage(reference: string, onProgress: OnTransfer, signal: AbortSignal): Promise<void> {
    return this.#images.push(reference, onProgress, signal);
  }

  tagImage(reference: string, newReference: string, signal: AbortSignal): Promise<void> {
    return this.#images.tag(reference, newReference, signal);
  }

  removeImage(reference: string, signal: AbortSignal): Promise<void> {
    return this.#images.remove(reference, signal);
  }

  loadImage(archive: Readable, onProgress: OnTransfer, signal: AbortSignal): ReturnType<Engine['loadImage']> {
    return this.#images.load(archive, onProgress, signal);
  }

  saveImage(reference: string, signal: AbortSignal): Promise<Readable> {
    return this.#images.save(reference, signal);
  }

  buildImage(context: Readable, options: BuildImageOptions, onLine: OnBuildLine, signal: AbortSignal): Promise<string> {
    return this.#images.build(context, options, onLine, signal);
  }

  listImages(filter: { readonly label: string } | { readonly repository: string }, signal: AbortSignal): Promise<readonly ListedImage[]> {
    return this.#images.list(filter, signal);
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
}
