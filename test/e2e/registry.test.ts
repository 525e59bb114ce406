/** Base images of a registry that asks who is there: by every way in which the standard part is built, and by --from. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { buildBase, type Builder } from '../../builder/base/build-base.js';
import { hasBuildx } from '../../builder/base/buildx.js';
import { detectEngine, detectOptions } from '../../builder/engine/detect.js';
import { CracError } from '../../builder/errors.js';
import { crac } from './support/cli.js';
import { docker, plainImage, removeImages, runId } from './support/docker.js';
import { registryUser, startRegistry } from './support/registry.js';

const signal = new AbortController().signal;
const quiet = (): void => undefined;

test.after.always(removeImages);

interface Private {
  /** An image of the registry that the engine does not have. */
  readonly image: string;
  /** Folders of the docker configuration: one that knows the registry by a credential helper, one that does not. */
  readonly knowing: Readonly<Record<string, string>>;
  readonly unknowing: Readonly<Record<string, string>>;
}

/** Starts a registry with an image in it. */
async function privateImage(t: ExecutionContext): Promise<Private> {
  const registry = await startRegistry(t, true);
  const image = `${registry}/base:1`;
  const folder = await mkdtemp(join(tmpdir(), 'crac-build-test-'));
  t.teardown(async () => {
    await docker(['rmi', '-f', image]);
    await rm(folder, { recursive: true });
  });
  const helper = `#!/bin/sh\nread host\n[ "$host" = ${registry} ] || exit 1\nprintf '{"Username":"${registryUser.name}","Secret":"${registryUser.password}"}'\n`;
  for (const [name, config] of [
    ['knowing', { credHelpers: { [registry]: 'crac-build-test' } }],
    ['unknowing', {}],
  ] as const) {
    await mkdir(join(folder, name));
    await writeFile(join(folder, name, 'config.json'), JSON.stringify(config));
  }
  await writeFile(join(folder, 'docker-credential-crac-build-test'), helper, { mode: 0o755 });
  const PATH = `${folder}:${process.env['PATH'] ?? ''}`;
  const [knowing, unknowing] = [
    { DOCKER_CONFIG: join(folder, 'knowing'), PATH },
    { DOCKER_CONFIG: join(folder, 'unknowing'), PATH },
  ];
  // Content that the engine has from nowhere else, so that it has to be pulled.
  const made = await plainImage(
    t,
    'private',
    `FROM scratch\nLABEL run=${runId}\nCOPY Dockerfile /made-in-${runId}\nCMD ["java"]\n`,
    await contextIn(folder),
  );
  const engine = await detectEngine(detectOptions({ ...process.env, ...knowing }, homedir()), signal);
  try {
    await engine.tagImage(made, image, signal);
    await engine.pushImage(image, quiet, signal);
    for (const name of [image, made]) await engine.removeImage(name, signal);
  } finally {
    engine.close();
  }
  return { image, knowing, unknowing };
}

async function contextIn(folder: string): Promise<string> {
  const context = join(folder, 'context');
  await mkdir(context);
  await writeFile(join(context, 'Dockerfile'), 'READY http://:1/\n');
  return context;
}

/** Builds FROM the image with this configuration; gives the error. */
async function build({ image }: Private, env: Readonly<Record<string, string>>, builder: Builder): Promise<CracError | null> {
  const folder = await mkdtemp(join(tmpdir(), 'crac-build-test-'));
  const engine = await detectEngine(detectOptions({ ...process.env, ...env }, homedir()), signal);
  const tag = `crac-build-test-${runId}/from-private:${builder}`;
  try {
    const contextDir = await contextIn(folder);
    await buildBase(
      {
        contextDir,
        dockerfilePath: join(contextDir, 'Dockerfile'),
        standardText: `FROM ${image}\nLABEL built=yes\n`,
        buildArgs: [],
        secrets: [],
        noCache: true,
        pull: true,
        tag,
      },
      engine,
      { signal, onLine: quiet, builder },
    );
    await engine.removeImage(tag, signal);
    return null;
  } catch (error) {
    if (error instanceof CracError) return error;
    throw error;
  } finally {
    engine.close();
    await rm(folder, { recursive: true });
  }
}

for (const builder of ['classic', 'buildkit'] as const) {
  test(`${builder}: FROM a private image, with credentials and without`, async (t) => {
    const made = await privateImage(t);
    const refused = await build(made, made.unknowing, builder);
    t.is(refused?.code, 'CRAC-BASE-BUILD-FAILED');
    t.regex(refused?.message ?? '', /no basic auth credentials|authorization failed|unauthorized|pull access denied/i);
    const error = await build(made, made.knowing, builder);
    t.is(error?.message, undefined);
  });
}

test('buildx: FROM a private image', async (t) => {
  const engine = await detectEngine(detectOptions(process.env, homedir()), signal);
  const there = await hasBuildx(engine, signal);
  engine.close();
  if (!there) {
    t.pass('no buildx here');
    return;
  }
  const made = await privateImage(t);
  t.is((await build(made, made.knowing, 'buildx'))?.message, undefined);
});

test('--from a private image', async (t) => {
  const made = await privateImage(t);
  const codeOf = async (env: Readonly<Record<string, string>>): Promise<string> => {
    const { stdout } = await crac(['build', '--json', '--from', made.image, '-t', `crac-build-test-${runId}/never`], { env });
    return (JSON.parse(stdout) as { error: { code: string } }).error.code;
  };
  t.is(await codeOf(made.unknowing), 'CRAC-IMAGE-PULL-FAILED');
  // It was pulled: what is said against it comes after that.
  t.is(await codeOf(made.knowing), 'CRAC-IMAGE-NO-JVM');
});
