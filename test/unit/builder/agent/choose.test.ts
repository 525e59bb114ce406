import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { agentObstacle, agentOption } from '../../../../builder/agent/choose.js';

/** A folder with these files below `home`, and `java`, a link to its program; gives the obstacle without the folder's name. */
async function obstacle(t: ExecutionContext, files: Readonly<Record<string, string>>): Promise<string | undefined> {
  const folder = await mkdtemp(join(tmpdir(), 'crac-build-jdk-'));
  t.teardown(() => rm(folder, { recursive: true }));
  for (const [name, text] of Object.entries({ 'bin/java': '', ...files })) {
    await mkdir(dirname(join(folder, 'home', name)), { recursive: true });
    await writeFile(join(folder, 'home', name), text);
  }
  await symlink('home/bin/java', join(folder, 'java'));
  return (await agentObstacle(join(folder, 'java')))?.replaceAll(`${folder}/`, '');
}

const instrument = { 'lib/libinstrument.so': '' };
const release = (version: string, more = ''): Readonly<Record<string, string>> => ({
  release: `IMPLEMENTOR="x"\nJAVA_VERSION="${version}"\n${more}`,
});

test('stock JDKs from 17 on', async (t) => {
  for (const version of ['17', '17.0.15', '21.0.7', '25', '26-ea'])
    t.is(await obstacle(t, { ...instrument, ...release(version) }), undefined);
});

test('others are named', async (t) => {
  t.is(await obstacle(t, { ...instrument, ...release('1.8.0_402') }), 'it needs Java 17, home is 1.8.0_402');
  t.is(await obstacle(t, { ...instrument, ...release('11.0.2') }), 'it needs Java 17, home is 11.0.2');
  t.is(await obstacle(t, instrument), 'home/release does not tell the version');
  t.is(await obstacle(t, release('21')), 'home lacks the module java.instrument');
  t.is(await obstacle(t, { ...instrument, ...release('21', 'JVM_VARIANT="Openj9"\n') }), 'home is OpenJ9, not HotSpot');
  t.is(await obstacle(t, { ...instrument, ...release('21'), 'lib/libcrexec.so': '' }), 'home makes checkpoints itself (lib/libcrexec.so)');
  t.is(await agentObstacle('/nowhere/java'), 'there is no /nowhere/java');
});

test('the option', (t) => {
  t.is(agentOption('/a.jar', { callbacks: 'auto', frozen: [], explain: false }), '-javaagent:/a.jar=callbacks=auto');
  t.is(agentOption('/a.jar', { callbacks: 'on', frozen: ['A', 'B'], explain: false }), '-javaagent:/a.jar=callbacks=on,frozen=A:B');
});
