/**
 * Images with a checkpoint, made by `crac-build build` once and kept in the engine under a tag of everything they depend on, so that
 * test files share them and a second run finds them. A newer image of the same name replaces the older one.
 */
import { createHash, type Hash } from 'node:crypto';
import { cp, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { crac } from './cli.js';
import { docker } from './docker.js';
import { restorer } from './restore.js';

/** dist/; this file is dist/test/e2e/support/warm.js. */
const dist = fileURLToPath(new URL('../../../', import.meta.url));
const fixtures = join(dist, '../test/fixtures');

export interface WarmImage {
  /** The last part of the image's name. */
  readonly name: string;
  /** A folder of test/fixtures: the build context. */
  readonly fixture: keyof typeof contents;
  /** A Dockerfile with the dialect's instructions; the fixture's own without it. */
  readonly dockerfile?: string;
  /** Executable files added to the folder `target` of the context. */
  readonly files?: Readonly<Record<string, string>>;
  /** More arguments for `crac-build build`. */
  readonly args?: readonly string[];
}

/** What of the context reaches the image. */
const contents = {
  small: 'target/classes',
  heap: 'target/classes',
  jvm: 'target',
  demo: 'target/demo.jar',
  agent: 'target/agent.jar',
} as const;

async function addFiles(hash: Hash, root: string, matters: (path: string) => boolean = () => true): Promise<void> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  for (const path of paths.filter(matters).sort()) {
    const bytes = await readFile(path);
    hash.update(`${path.slice(root.length)} ${bytes.length}\n`).update(bytes);
  }
}

/** Of what the application's image is made of, and of the program that makes the checkpoint. */
async function digestOf(image: WarmImage): Promise<string> {
  const base = await docker(['image', 'inspect', '-f', '{{.Id}}', 'crac-build-test/jre:25']);
  if (base.code !== 0) throw new Error(`the base image is missing: ${base.stderr}`);
  const hash = createHash('sha256').update(`${JSON.stringify(image)}\n${base.stdout}\n`);
  // What measures and what renders has no part in an image.
  const matters = (path: string): boolean => path.endsWith('.js') && !/\/(builder\/bench|cli\/(render|plot))\//.test(path);
  for (const folder of ['cli', 'builder', 'images']) await addFiles(hash, join(dist, folder), matters);
  hash.update(await readFile(join(dist, 'runtime/manifest.json')));
  hash.update(await readFile(join(fixtures, image.fixture, 'Dockerfile')));
  const content = join(fixtures, image.fixture, contents[image.fixture]);
  if (content.endsWith('.jar')) hash.update(await readFile(content));
  else await addFiles(hash, content);
  return hash.digest('hex').slice(0, 16);
}

async function removeOlder(repository: string, reference: string): Promise<void> {
  const { stdout } = await docker(['images', '--format', '{{.Repository}}:{{.Tag}}', repository]);
  const older = stdout.split('\n').filter((name) => name !== '' && name !== reference);
  // Without force: what a container of another run still uses stays.
  if (older.length > 0) await docker(['rmi', ...older]);
}

/** Gives `work` a build context for the image, and removes it. */
export async function withContext<T>(image: WarmImage, work: (directory: string) => Promise<T>): Promise<T> {
  const context = await mkdtemp(join(tmpdir(), 'crac-build-test-'));
  try {
    const content = contents[image.fixture];
    await cp(join(fixtures, image.fixture, content), join(context, content), { recursive: true });
    await writeFile(join(context, 'Dockerfile'), image.dockerfile ?? (await readFile(join(fixtures, image.fixture, 'Dockerfile'))));
    for (const [name, text] of Object.entries(image.files ?? {})) await writeFile(join(context, 'target', name), text, { mode: 0o755 });
    return await work(context);
  } finally {
    await rm(context, { recursive: true, force: true });
  }
}

/** Makes the image where the engine does not have it, and gives its name. Throws with the build's words where it fails. */
export async function warmImage(wanted: WarmImage): Promise<string> {
  const isChosen = (wanted.args ?? []).some((arg) => /^--(?:with|mode)=/.test(arg));
  // "auto" would hide that an application is on no tape any more.
  const image = isChosen ? wanted : { ...wanted, args: [...(wanted.args ?? []), `--with=${restorer}`] };
  const repository = `crac-build-test-warm/${image.name}`;
  const reference = `${repository}:${await digestOf(image)}`;
  if ((await docker(['image', 'inspect', reference])).code === 0) return reference;
  // Not verified: a test that needs a restore says more of why there is none.
  const args = ['build', '-t', reference, '--progress=plain', '--no-verify', ...(image.args ?? [])];
  const built = await withContext(image, (context) => crac([...args, context]));
  if (built.code !== 0) throw new Error(`crac-build build of ${image.name}:\n${built.stderr}`);
  await removeOlder(repository, reference);
  return reference;
}
