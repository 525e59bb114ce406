/** Images over the Docker API. */
import type { Readable } from 'node:stream';
import * as v from 'valibot';
import { CracError } from '../errors.js';
import { historyAnswer, imageAnswer, imageConfigAnswer, imagesAnswer, progressLine, type ProgressLine } from './answers.js';
import { LastLines, readBuildOutput } from './build-output.js';
import { openBuildSession } from './build-session.js';
import { allRegistryCredentials, type RegistryCredentials, registryCredentials, type Surroundings } from './docker-config.js';
import { cancelled, statusOf } from './errors.js';
import type {
  BuildImageOptions,
  EngineHistoryEntry,
  EngineImage,
  EngineImageConfig,
  ListedImage,
  OnBuildLine,
  OnTransfer,
} from './port.js';
import { registryOf, splitReference } from './reference.js';
import type { Request, Requests } from './requests.js';
import { jsonLines } from './streams.js';

/** What the port says of images (port.ts), under shorter names. */
export class DockerImages {
  readonly #requests: Requests;
  readonly #surroundings: Surroundings;

  constructor(requests: Requests, surroundings: Surroundings) {
    this.#requests = requests;
    this.#surroundings = surroundings;
  }

  async inspect(reference: string, signal: AbortSignal): Promise<EngineImage | undefined> {
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

  async history(reference: string, signal: AbortSignal): Promise<readonly EngineHistoryEntry[]> {
    const request: Request = { doing: `reading the history of ${reference}`, method: 'GET', path: `${imagePath(reference)}/history` };
    const answer = await this.#requests.json(request, historyAnswer, signal);
    return answer.map((entry) => ({
      created: entry.Created,
      createdBy: entry.CreatedBy,
      sizeBytes: entry.Size,
      comment: entry.Comment,
    }));
  }

  async pull(reference: string, options: { readonly platform?: string }, onProgress: OnTransfer, signal: AbortSignal): Promise<void> {
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

  async push(reference: string, onProgress: OnTransfer, signal: AbortSignal): Promise<void> {
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

  async tag(reference: string, newReference: string, signal: AbortSignal): Promise<void> {
    const { repository, tag } = splitReference(newReference);
    const query = { repo: repository, tag: tag ?? 'latest' };
    await this.#requests.send(
      { doing: `naming ${reference} ${newReference}`, method: 'POST', path: `${imagePath(reference)}/tag`, query },
      signal,
    );
  }

  async remove(reference: string, signal: AbortSignal): Promise<void> {
    const request: Request = { doing: `removing the image ${reference}`, method: 'DELETE', path: imagePath(reference), expected: [404] };
    await this.#requests.send(request, signal);
  }

  async load(
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

  async save(reference: string, signal: AbortSignal): Promise<Readable> {
    return await this.#requests.stream(
      { doing: `reading the image ${reference}`, method: 'GET', path: `${imagePath(reference)}/get` },
      signal,
    );
  }

  async build(context: Readable, options: BuildImageOptions, onLine: OnBuildLine, signal: AbortSignal): Promise<string> {
    if (options.registries !== true) return this.#build(context, options, {}, onLine, signal);
    const credentials = await this.#allCredentials(signal).catch((cause: unknown) => {
      context.destroy();
      throw cause;
    });
    if (options.version === '1') {
      const headers = credentials.size === 0 ? {} : { 'X-Registry-Config': headerValue(Object.fromEntries(credentials)) };
      return this.#build(context, options, { headers }, onLine, signal);
    }
    // BuildKit asks when it needs them, of registries that take anybody as well: without a session it pulls from none that has tokens.
    const session = await openBuildSession(this.#requests, credentials, signal).catch((cause: unknown) => {
      context.destroy();
      throw cause;
    });
    try {
      return await this.#build(context, options, { session: session.id }, onLine, signal);
    } finally {
      session.close();
    }
  }

  async #build(
    context: Readable,
    options: BuildImageOptions,
    access: { readonly headers?: Readonly<Record<string, string>>; readonly session?: string },
    onLine: OnBuildLine,
    signal: AbortSignal,
  ): Promise<string> {
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
        session: access.session,
      },
      upload: context,
      ...(access.headers && { headers: access.headers }),
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
    const image = await this.inspect(tag, signal);
    if (image === undefined) throw this.#requests.fail(new Error('the build ended without an image'), request, signal);
    return image.id;
  }

  async list(filter: { readonly label: string } | { readonly repository: string }, signal: AbortSignal): Promise<readonly ListedImage[]> {
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
    return { 'X-Registry-Auth': headerValue(credentials ?? {}) };
  }

  async #allCredentials(signal: AbortSignal): Promise<ReadonlyMap<string, RegistryCredentials>> {
    try {
      return await allRegistryCredentials(this.#surroundings, signal);
    } catch (cause) {
      if (signal.aborted) throw cancelled(signal);
      throw CracError.of('CRAC-BASE-BUILD-FAILED', { message: 'the docker configuration cannot be read' }, { cause });
    }
  }
}

/** Go's base64.URLEncoding, which Docker decodes it with, wants the padding; without it the credentials are dropped without a word. */
function headerValue(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64').replaceAll('+', '-').replaceAll('/', '_');
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
