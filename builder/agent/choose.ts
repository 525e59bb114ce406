/** Whether the agent goes into the application's JVM, by what lies beside its `java`, and the option that brings it there. */
import { readFile, realpath, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** How the org.crac callbacks are supplied: `auto` to an application that has the org.crac library, `on` to each, `off` to none. */
export type Callbacks = 'auto' | 'on' | 'off';

export interface AgentOptions {
  readonly callbacks: Callbacks;
  /** Variables that keep the value of the build. */
  readonly frozen: readonly string[];
  /** It notes who opens descriptors. */
  readonly explain: boolean;
}

/** The first version whose JVM runs the agent's classes. */
const leastVersion = 17;

/** Libraries of JDKs that make checkpoints themselves, by place: they have callbacks and renewals of their own. */
const cracLibraries = ['libcrexec.so', 'libcriuengine.so', 'criuengine', 'criu', 'simengine', 'pauseengine'];

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

/** The value of a name in a JDK's file `release` (JEP 223): `JAVA_VERSION="21.0.1"`. */
const valueIn = (release: string, name: string): string | undefined => new RegExp(`^${name}="?([^"\\n]*)"?$`, 'mu').exec(release)?.[1];

/**
 * Why the agent cannot be in the JVM of a `java` program; undefined where it can.
 *
 * @param java path of the program or of a link to it
 */
export async function agentObstacle(java: string): Promise<string | undefined> {
  const program = await realpath(java).catch(() => undefined);
  if (program === undefined) return `there is no ${java}`;
  const home = dirname(dirname(program));
  const release = await readFile(join(home, 'release'), 'utf8').catch(() => '');
  const version = Number.parseInt(valueIn(release, 'JAVA_VERSION') ?? '', 10);
  if (Number.isNaN(version)) return `${home}/release does not tell the version`;
  // 8 says 1.8.0.
  if (version < leastVersion) return `it needs Java ${leastVersion}, ${home} is ${valueIn(release, 'JAVA_VERSION') ?? ''}`;
  if (/openj9/iu.test(release)) return `${home} is OpenJ9, not HotSpot`;
  const lib = join(home, 'lib');
  if (!(await exists(join(lib, 'libinstrument.so')))) return `${home} lacks the module java.instrument`;
  for (const name of cracLibraries) if (await exists(join(lib, name))) return `${home} makes checkpoints itself (lib/${name})`;
  return undefined;
}

/** The JVM option; names of variables have neither commas nor colons that a shell could set. */
export function agentOption(jar: string, { callbacks, frozen, explain }: AgentOptions): string {
  const options = [
    `callbacks=${callbacks}`,
    ...(explain ? ['explain=true'] : []),
    ...(frozen.length === 0 ? [] : [`frozen=${frozen.join(':')}`]),
  ];
  return `-javaagent:${jar}=${options.join(',')}`;
}
