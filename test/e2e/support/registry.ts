/** A registry of this machine on a loopback port, which engines reach without TLS. Its files go when the test ends. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { execa } from 'execa';
import { until } from './until.js';

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Whom a registry with `login` knows. */
export const registryUser = { name: 'tester', password: 'correct horse' } as const;
/** crypt(3) of the password with bcrypt, the only form that the registry takes. */
const htpasswd = `${registryUser.name}:$2b$05$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2\n`;

/** Starts Debian's docker-registry. Gives the first part of its images' names: `127.0.0.1:PORT`. `login`: only registryUser may use it. */
export async function startRegistry(t: Pick<ExecutionContext, 'teardown'>, login = false): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'crac-build-test-'));
  const address = `127.0.0.1:${await freePort()}`;
  const config = {
    version: '0.1',
    log: { level: 'warn', accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: join(folder, 'data') } },
    http: { addr: address },
    ...(login && { auth: { htpasswd: { realm: 'tests', path: join(folder, 'htpasswd') } } }),
  };
  await writeFile(join(folder, 'htpasswd'), htpasswd);
  // JSON is YAML.
  await writeFile(join(folder, 'config.yml'), JSON.stringify(config));
  const registry = execa('docker-registry', ['serve', join(folder, 'config.yml')], { reject: false, all: true });
  let ended: string | undefined;
  void registry.then(({ all, shortMessage }) => (ended = `${shortMessage ?? ''}\n${all}`));
  t.teardown(async () => {
    registry.kill('SIGKILL');
    await registry;
    await rm(folder, { recursive: true, force: true });
  });
  await until(
    async () => {
      if (ended !== undefined) return true;
      return (await fetch(`http://${address}/v2/`)).status === (login ? 401 : 200);
    },
    () => `the registry does not answer: ${ended ?? 'it runs'}`,
  );
  if (ended !== undefined) throw new Error(`the registry ended: ${ended}`);
  return address;
}
