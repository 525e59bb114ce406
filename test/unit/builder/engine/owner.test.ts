import test from 'ava';
import { spawnSync } from 'node:child_process';
import { removeLeftovers } from '../../../../builder/engine/leftovers.js';
import {
  buildLabels,
  isAlive,
  newBuildId,
  type Owner,
  ownerLabels,
  processTable,
  readOwner,
  readTemporaryTag,
  temporaryTag,
  thisHost,
  thisOwner,
} from '../../../../builder/engine/owner.js';
import { failure, FakeEngine, never } from './fake-engine.js';

test('this process is alive; with another start it is another process', (t) => {
  const owner = thisOwner(newBuildId());
  t.is(owner.host, thisHost());
  t.true(isAlive(owner));
  t.false(isAlive({ ...owner, start: '0123456789abcdef' }));
});

test('a process that has ended is dead', (t) => {
  const { pid } = spawnSync('true');
  t.is(processTable.startOf(pid), undefined);
  t.false(isAlive({ build: 'b', host: 'h', pid, start: '' }));
});

test('where starts cannot be told, the process is enough', (t) => {
  const there = { startOf: () => '' };
  t.true(isAlive({ build: 'b', host: 'h', pid: 1, start: 'ab' }, there));
  t.true(isAlive({ build: 'b', host: 'h', pid: 1, start: '' }, { startOf: () => 'ab' }));
});

test('labels and tags say the same and are read back', (t) => {
  for (const start of ['0123456789abcdef', '']) {
    const owner: Owner = { build: newBuildId(), host: thisHost(), pid: 4_194_304, start };
    t.deepEqual(readOwner(ownerLabels(owner)), owner);
    const tag = temporaryTag(owner, 'base');
    t.deepEqual(readTemporaryTag(tag), owner);
    t.regex(tag, /^localhost\/crac-build-temporary:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/);
  }
  t.is(readOwner(buildLabels('abc'))?.build, 'abc');
});

test('labels and tags of others are nobody’s', (t) => {
  const labels = ownerLabels(thisOwner('a'));
  t.is(readOwner({}), undefined);
  t.is(readOwner({ ...labels, 'dev.crac-build.pid': '0' }), undefined);
  t.is(readOwner({ ...labels, 'dev.crac-build.pid': '1x' }), undefined);
  for (const tag of ['app:1', 'localhost/crac-build-temporary:latest', 'x/localhost/crac-build-temporary:a-b-1-c-d']) {
    t.is(readTemporaryTag(tag), undefined);
  }
});

test('leftovers: containers, then volumes, then tags; one that is in use or stubborn does not stop the rest', async (t) => {
  const dead: Owner = { build: 'ab', host: 'cd', pid: 7, start: 'ef' };
  const labels = ownerLabels(dead);
  const tag = temporaryTag(dead, 'base');
  const fake = await FakeEngine.start({
    'GET /containers/json': {
      body: [
        { Id: 'c1', Labels: labels, State: 'exited' },
        { Id: 'c2', Labels: { ...labels, 'dev.crac-build.start': '' }, State: 'running' },
        { Id: 'c3', Labels: {}, State: 'running' },
        { Id: 'c4', Labels: { ...labels, 'dev.crac-build.host': 'ee' }, State: 'running' },
      ],
    },
    'DELETE /containers/c1': { status: 204 },
    'GET /volumes': {
      body: {
        Volumes: [
          { Name: 'v1', Labels: labels },
          { Name: 'v2', Labels: labels },
        ],
      },
    },
    'DELETE /volumes/v1': { status: 409, body: { message: 'volume is in use' } },
    'DELETE /volumes/v2': { status: 500, body: { message: 'sick' } },
    'GET /images/json': { body: [{ Id: 'i', RepoTags: [tag, 'app:1', temporaryTag({ ...dead, host: 'ee' }, 'base')] }] },
    [`DELETE /images/${tag}`]: { body: [] },
  });
  t.teardown(() => fake.stop());
  const engine = await fake.connect();
  const result = await removeLeftovers(engine, { host: 'cd', isAlive: ({ start }) => start === '' }, never);
  t.deepEqual(result.removed, ['container c1', `tag ${tag}`]);
  t.deepEqual(result.failed, ['volume v2: the engine failed at removing the volume v2 (DELETE /volumes/v2): sick']);
  t.deepEqual(
    fake.requests.filter((request) => request.startsWith('DELETE')).map((request) => request.split('?')[0]),
    ['DELETE /containers/c1', 'DELETE /volumes/v1', 'DELETE /volumes/v2', `DELETE /images/${tag}`],
  );
  const cancelled = await failure(removeLeftovers(engine, { host: 'cd', isAlive: () => false }, AbortSignal.abort('SIGINT')));
  t.is(cancelled.code, 'CRAC-CANCELLED');
});
