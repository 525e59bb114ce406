/**
 * An image that leaves the engine and comes back restores as before: as an archive, and by a registry. Its application does not run
 * as root, so that this shows of crac-init's file capabilities as well.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { smallContext, smallFlags, userApp } from '../support/app-image.js';
import { crac } from '../support/cli.js';
import { docker, dockerOk, plainImage, removeImages, runId } from '../support/docker.js';
import { startRegistry } from '../support/registry.js';
import { readJson, verifySchema } from '../support/schemas.js';

const image = `crac-build-test-${runId}/travel`;

test.before(async (t) => {
  // A layer that no other image has: when the image is removed, nothing above it stays in the engine.
  const dockerfile = `
FROM crac-build-test/jre:25
RUN echo ${runId} > /run-id
${userApp}
COPY target/classes /app
USER app
ONBUILD RUN exit 3
ENTRYPOINT ["java", "-XX:+UseSerialGC", "-Xmx64m", "-cp", "/app", "Small"]
`;
  const base = await plainImage(t, 'travel-base', dockerfile, smallContext);
  const { code, stderr } = await crac(['build', '--from', base, '-t', image, ...smallFlags, '--no-verify', '--progress=plain']);
  if (code !== 0) throw new Error(stderr);
  await dockerOk(t, ['rmi', base]);
});
test.after.always(removeImages);

const idOf = (t: ExecutionContext, name: string): Promise<string> => dockerOk(t, ['image', 'inspect', '-f', '{{.Id}}', name]);

/** Removes all names of an image; asserts that the engine does not have it then. */
async function remove(t: ExecutionContext, id: string, names: readonly string[]): Promise<void> {
  await dockerOk(t, ['rmi', ...names]);
  t.not((await docker(['image', 'inspect', id])).code, 0, 'the image is gone');
}

async function assertVerifies(t: ExecutionContext, name: string): Promise<void> {
  const { code, stdout, stderr } = await crac(['verify', '--json', name]);
  t.is(code, 0, stderr);
  t.like(readJson(verifySchema, stdout), { image: name, restored: true, cold: null });
}

test.serial('a trigger of the application image is for images built on that, not for this one', async (t) => {
  t.is(JSON.parse(await dockerOk(t, ['image', 'inspect', '-f', '{{json .Config.OnBuild}}', image])), null);
});

test.serial('saved to an archive, removed, loaded', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'crac-build-test-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const id = await idOf(t, image);
  await dockerOk(t, ['save', '-o', join(folder, 'image.tar'), image]);
  await remove(t, id, [image]);
  await dockerOk(t, ['load', '-i', join(folder, 'image.tar')]);
  t.is(await idOf(t, image), id);
  await assertVerifies(t, image);
});

test.serial('pushed to a registry, removed, pulled', async (t) => {
  const registry = await startRegistry(t);
  const name = `${registry}/travel:warm`;
  const id = await idOf(t, image);
  await dockerOk(t, ['tag', image, name]);
  t.teardown(async () => {
    await docker(['rmi', '-f', name]);
  });
  await dockerOk(t, ['push', name]);
  await remove(t, id, [name, image]);
  await dockerOk(t, ['pull', name]);
  t.is(await idOf(t, name), id);
  await assertVerifies(t, name);
});
