/** Which engine makes the checkpoint: the JDK itself, where it is a CRaC JDK, or CRIU from outside. Decided before the application starts. */
import { chown, mkdir, readFile, realpath, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { cracOptions, detectCrac, parseFlags, type CracJdk, type CracOptions } from '../checkpoint/crac-jdk.js';
import { isAboutDescriptors } from '../checkpoint/crac-words.js';
import { CriuRelay } from '../checkpoint/criu-relay.js';
import { CracError } from '../errors.js';
import type { Emit, StepName } from '../events.js';
import { commandSpawner } from './commands.js';
import { outDirectory, runtimeDirectory, type StepPlan } from './protocol.js';
import type { AppUser } from './user.js';

/** What the JDK is given as CRIU (templates/relay), and where that finds this program. */
const relayProgram = `${runtimeDirectory}/criu-relay`;
const cracDirectory = join(outDirectory, 'crac');
/** Where the JDK writes what is its own of an image. */
export const jdkImageDirectory = join(cracDirectory, 'image');

export type ChosenEngine =
  { readonly name: 'criu' } | { readonly name: 'crac'; readonly jdk: CracJdk; readonly options: CracOptions; readonly relay: CriuRelay };

/** Options that say which engine it is, or that other options need. */
const engineOption = /^-XX:(?:\+Unlock(?:Experimental|Diagnostic)VMOptions|CRaC\w+=.*|CREngine=.*|CRaC\w+|[+-]CRaC\w+)$/;

const words = (text: string | undefined): readonly string[] => (text ?? '').split(/\s+/).filter((word) => word !== '');

/** The options about CRaC that the application's JVM gets, in the order in which it reads them. */
export function givenOptions(argv: readonly string[], environment: Readonly<Record<string, string>>): readonly string[] {
  const given = [...words(environment['JAVA_TOOL_OPTIONS']), ...words(environment['JDK_JAVA_OPTIONS']), ...argv];
  return given.filter((word) => engineOption.test(word) && !/^-XX:CRaC(?:CheckpointTo|RestoreFrom)=/.test(word));
}

const usualPlaces = [
  '/usr/bin/java',
  '/opt/java/openjdk/bin/java',
  '/usr/lib/jvm/default-java/bin/java',
  '/usr/lib/jvm/default-jvm/bin/java',
];

/** Where the command line's java, or that of a start script, most probably is. */
export function javaCandidates(argv: readonly string[], environment: Readonly<Record<string, string>>): readonly string[] {
  const path = (environment['PATH'] ?? '').split(':').filter((directory) => directory.startsWith('/'));
  const home = environment['JAVA_HOME'];
  const first = argv[0] ?? '';
  const onPath = path.map((directory) => join(directory, 'java'));
  const ofHome = home === undefined || home === '' ? [] : [join(home, 'bin/java')];
  if (/^\/.*\/java$/.test(first)) return [first];
  // A command of its own is found on PATH alone; scripts mostly prefer JAVA_HOME.
  return first === 'java' ? [...onPath, ...usualPlaces] : [...ofHome, ...onPath, ...usualPlaces];
}

async function findJava(candidates: readonly string[]): Promise<string | undefined> {
  for (const candidate of candidates) {
    const stats = await stat(candidate).catch(() => undefined);
    if (stats?.isFile() === true) return candidate;
  }
  return undefined;
}

/** What `java -XX:+PrintFlagsFinal` says, without what the application's options would load or start. */
async function printFlags(java: string, options: readonly string[], user: AppUser, signal: AbortSignal): Promise<string> {
  const lines: string[] = [];
  const environment = { PATH: '/usr/bin:/bin' };
  const limit = AbortSignal.any([signal, AbortSignal.timeout(30_000)]);
  await commandSpawner({ user, cwd: '/', environment })([java, ...options, '-Xshare:auto', '-XX:+PrintFlagsFinal', '-version'], {
    signal: limit,
    onLine: (stream, line) => {
      if (stream === 'stdout') lines.push(line);
    },
  });
  return lines.join('\n');
}

const files = {
  read: (path: string): Promise<string | undefined> => readFile(path, 'utf8').catch(() => undefined),
  exists: (path: string): Promise<boolean> =>
    stat(path).then(
      () => true,
      () => false,
    ),
};

interface EngineInput {
  readonly plan: Pick<StepPlan, 'argv' | 'engine'>;
  readonly user: AppUser;
  readonly environment: Readonly<Record<string, string>>;
}

async function detect({ plan, user, environment }: EngineInput, signal: AbortSignal): Promise<{ jdk: CracJdk; options: string } | string> {
  const java = await findJava(javaCandidates(plan.argv, environment));
  if (java === undefined) return 'no java was found where the application would find it';
  const flags = parseFlags(await printFlags(java, givenOptions(plan.argv, environment), user, signal));
  if (flags.size === 0) return `${java} did not tell its flags`;
  const { jdk, ...rest } = await detectCrac(flags, dirname(dirname(await realpath(java))), files);
  if (jdk === undefined) return 'reason' in rest ? rest.reason : '';
  if (jdk.images.kind === 'foreign')
    return `${jdk.name}: its engine ${jdk.engine} writes images of its own, which are not supported yet (-XX:CRaCEngine=criuengine chooses CRIU)`;
  return { jdk, options: flags.get('CRaCEngineOptions') ?? '' };
}

/** Throws CRAC-JDK-NO-CRAC where only the JDK will do. */
export async function chooseEngine(input: EngineInput, emit: Emit, signal: AbortSignal): Promise<ChosenEngine> {
  if (input.plan.engine === 'criu') return { name: 'criu' };
  const found = await detect(input, signal);
  if (typeof found === 'string') {
    if (input.plan.engine === 'crac') throw CracError.of('CRAC-JDK-NO-CRAC', { reason: found });
    // Of a JDK without CRaC nobody expects it.
    if (!found.includes('is no CRaC JDK')) emit({ type: 'notice', step: 'start', text: `the engine is criu: ${found}` });
    return { name: 'criu' };
  }
  await mkdir(cracDirectory, { recursive: true, mode: 0o755 });
  await mkdir(jdkImageDirectory, { mode: 0o700 });
  await chown(jdkImageDirectory, input.user.uid, input.user.gid);
  const relay = await CriuRelay.listen(join(cracDirectory, 'criu.sock'));
  const { jdk } = found;
  emit({ type: 'notice', step: 'start', text: `the engine is crac: ${jdk.name}, with ${jdk.engine}` });
  return { name: 'crac', jdk, options: cracOptions(jdk, jdkImageDirectory, relayProgram, found.options), relay };
}

/**
 * The engine after one that failed: with `auto`, and where the failure is one that CRIU alone does not have, it is criu, and said so.
 * Throws the failure otherwise.
 */
export function engineInstead({ engine }: Pick<StepPlan, 'engine'>, cause: unknown, emit: Emit, step: StepName): ChosenEngine {
  const isJdks = cause instanceof CracError && (isAboutDescriptors(cause) || cause.code === 'CRAC-JDK-NOT-CONFIGURED');
  if (engine !== 'auto' || !isJdks) throw cause;
  emit({ type: 'warning', step, text: `the engine is criu instead of crac: ${cause.code}: ${cause.message}` });
  return { name: 'criu' };
}
