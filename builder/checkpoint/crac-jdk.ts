/**
 * What a JVM tells of itself as a CRaC JDK: whether it is one, and which engine makes its checkpoints. Read from its flags and from the
 * files of its home, never from a vendor's name.
 *
 *   generation           engine                             its CRIU is named by
 *   about JDK 17 to 23   executable lib/criuengine          CRAC_CRIU_PATH (criuengine.c, main)
 *   about JDK 24 on      library lib/libcriuengine.so       -XX:CRaCEngineOptions=criu_location=PATH (criuengine.cpp, get_criu)
 *
 * Sources: openjdk/crac src/java.base/unix/native, src/hotspot/share/runtime/crac_engine.cpp (find_engine).
 */

/** Flags of `java -XX:+PrintFlagsFinal`: name and value. */
export type JvmFlags = ReadonlyMap<string, string>;

/** Reads lines like `    ccstr CRaCEngine        = criuengine        {product} {default}` (jvmFlag.cpp, print_on). */
export function parseFlags(text: string): JvmFlags {
  const flags = new Map<string, string>();
  for (const line of text.split('\n')) {
    const [, name, value] = /^\s*\w+\s+(\w+)\s+:?=\s?(.*?)\s*(?:\{[^{}]*\}\s*)+$/.exec(line) ?? [];
    if (name !== undefined && value !== undefined) flags.set(name, value.trim());
  }
  return flags;
}

/** How the JDK's engine is told where CRIU is. */
export type CriuBy = 'variable' | 'option';

export interface CracJdk {
  /** The folder of the JDK. */
  readonly home: string;
  /** For people: what the file `release` calls it, or its home. */
  readonly name: string;
  /** As the JVM has it: criuengine, warp, an absolute path of a library, … */
  readonly engine: string;
  readonly images: CracImages;
}

/** What the engine's images are, and with that, who brings the application back. */
export type CracImages =
  /** CRIU's. `own`: the JDK's own CRIU, where it has one. */
  | { readonly kind: 'criu'; readonly by: CriuBy; readonly own: string | undefined }
  /** Another engine's: only `java -XX:CRaCRestoreFrom` reads them. */
  | { readonly kind: 'foreign' };

/** `reason`: why it cannot make a checkpoint, in words that follow the JDK's name. */
export type CracDetection = { readonly jdk: CracJdk } | { readonly jdk: undefined; readonly reason: string };

/** The files of a JDK. */
export interface JdkFiles {
  /** The contents of a text file, undefined where it is not there. */
  readonly read: (path: string) => Promise<string | undefined>;
  readonly exists: (path: string) => Promise<boolean>;
}

/** Engines that end with the checkpoint as if it had been restored at once: for tests of applications, there is no image. */
const simulated = new Set(['sim', 'simengine', 'pause', 'pauseengine']);

/** `warp` of `/opt/engine/libwarp.so`, `criuengine` of `criuengine,--verbosity=4`. */
export function engineName(flag: string): string {
  const [first = ''] = flag.split(',');
  return first.startsWith('/') ? (/\/lib([^/]+)\.so$/.exec(first)?.[1] ?? first) : first;
}

async function nameOf(home: string, files: JdkFiles): Promise<string> {
  const release = (await files.read(`${home}/release`)) ?? '';
  const value = (key: string): string | undefined => new RegExp(`^${key}="?([^"\\n]*)"?$`, 'm').exec(release)?.[1];
  const words = [value('IMPLEMENTOR'), value('JAVA_VERSION')].filter((word) => word !== undefined && word !== '');
  return words.length === 0 ? home : words.join(' ');
}

async function imagesOf(engine: string, home: string, files: JdkFiles): Promise<CracImages | string> {
  const name = engineName(engine);
  if (simulated.has(name)) return `its engine ${name} only pretends to make a checkpoint`;
  const inLib = (file: string): Promise<boolean> => files.exists(`${home}/lib/${file}`);
  if (name === 'criu' || name === 'criuengine') {
    const own = (await inLib('criu')) ? `${home}/lib/criu` : undefined;
    // A JDK of the second generation also has the executable's name as its default (libcrexec.so runs it).
    if (await inLib('libcriuengine.so')) return { kind: 'criu', by: 'option', own };
    if (await inLib('criuengine')) return { kind: 'criu', by: 'variable', own };
    return `its engine ${name} is not in ${home}/lib`;
  }
  if (
    engine.startsWith('/')
      ? await files.exists(engine.split(',')[0] ?? '')
      : (await inLib(`lib${name}.so`)) || (await inLib(`lib${name}engine.so`))
  )
    return { kind: 'foreign' };
  return `its engine ${name === '' ? 'has no name' : `${name} is not in ${home}/lib`}`;
}

/** `flags` of the JVM in `home`, under the options the application is started with. */
export async function detectCrac(flags: JvmFlags, home: string, files: JdkFiles): Promise<CracDetection> {
  const name = await nameOf(home, files);
  if (!flags.has('CRaCCheckpointTo')) return { jdk: undefined, reason: `${name} is no CRaC JDK: it does not know -XX:CRaCCheckpointTo` };
  // CREngine is the older name, and stays as an alias.
  const engine = flags.get('CRaCEngine') ?? flags.get('CREngine');
  if (engine === undefined)
    return { jdk: undefined, reason: `${name} is a CRaC JDK of the first generation, which has no engine to choose` };
  const images = await imagesOf(engine, home, files);
  return typeof images === 'string' ? { jdk: undefined, reason: `${name}: ${images}` } : { jdk: { home, name, engine, images } };
}

/** What the JVM is started with, so that it can be told to make a checkpoint. */
export interface CracOptions {
  /** For JAVA_TOOL_OPTIONS. */
  readonly jvm: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}

/**
 * Options of the command line come after these and win. The launcher looks at its own command line only (main.c, parse_checkpoint), so
 * with these it neither forks nor looks for another PID: the application has one of its own already.
 * @param directory where the JDK writes its image; it has to belong to the application's user
 * @param criu what is given to the engine as CRIU
 * @param options the value of CRaCEngineOptions that is in effect without these, which they would replace
 */
export function cracOptions({ images }: CracJdk, directory: string, criu: string, options: string): CracOptions {
  const given =
    options === '' || options === '(null)' ? [] : options.split(/[,\n]/).filter((option) => !option.startsWith('criu_location='));
  const jvm = [
    // Another JDK in the image would not start for a word that it does not know.
    '-XX:+IgnoreUnrecognizedVMOptions',
    `-XX:CRaCCheckpointTo=${directory}`,
    // It would be a file in that directory, mapped by the restored JVM (perfMemory_posix.cpp, checkpoint).
    '-XX:-UsePerfData',
  ];
  if (images.kind !== 'criu') return { jvm, environment: {} };
  if (images.by === 'variable') return { jvm, environment: { CRAC_CRIU_PATH: criu } };
  return { jvm: [...jvm, `-XX:CRaCEngineOptions=${[...given, `criu_location=${criu}`].join(',')}`], environment: {} };
}
