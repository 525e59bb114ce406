import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import test from 'ava';

import { debianArchitecture, readBundleLock, readNodeLock } from '../../../../templates/runtime/lock.js';
import { SetupProblem } from '../../../../templates/runtime/problem.js';
import { temporaryFolder } from './temporary.js';

const locks = fileURLToPath(new URL('../../../../../templates/runtime/locks', import.meta.url));

test('the lists of the repository are valid and complete', async (t) => {
  for (const bundle of ['criu', 'node']) {
    const { packages } = await readBundleLock(locks, bundle, 'amd64');
    const names = packages.map((one) => one.name);
    t.is(new Set(names).size, names.length);
    t.true(names.includes('libc6'));
    for (const one of packages) {
      t.true(one.copyrightFrom === undefined || names.includes(one.copyrightFrom), one.name);
      t.true(one.versions.every((version) => version.path.endsWith('.deb')));
    }
  }
  const criu = (await readBundleLock(locks, 'criu', 'amd64')).packages.find((one) => one.name === 'criu');
  t.regex(criu?.versions[0]?.version ?? '', /^4\.2\./);
  t.regex((await readNodeLock(join(locks, 'node.npm.json'))).version, /^\d+\.\d+\.\d+$/);
});

test('an architecture without a list is a problem with a hint', async (t) => {
  const error = await t.throwsAsync(readBundleLock(locks, 'criu', 's390x'), { instanceOf: SetupProblem });
  t.is(error.message, 'there is no criu bundle for s390x');
});

test('a path that leaves the archive is refused', async (t) => {
  const folder = await temporaryFolder(t);
  for (const path of ['/etc/passwd', '../x.deb', 'pool/../../x.deb', 'pool/a b.deb', '']) {
    const version = { version: '1', path, sha256: 'a'.repeat(64), sizeBytes: 1, source: 's', sourceVersion: '1' };
    const lock = { schema: 'crac-build/lock/1', architecture: 'amd64', packages: [{ name: 'p', versions: [version] }] };
    await writeFile(join(folder, 'criu.amd64.json'), JSON.stringify(lock));
    await t.throwsAsync(readBundleLock(folder, 'criu', 'amd64'), { instanceOf: SetupProblem }, path);
  }
});

test("Debian's names of architectures", (t) => {
  t.is(debianArchitecture('x64'), 'amd64');
  t.is(debianArchitecture('arm64'), 'arm64');
});
