/** What can be said against an image before anything is started, each with its own error. */
import type { EngineContainer, EngineImage } from '../engine/port.js';
import { CracError } from '../errors.js';
import { initPath } from '../../images/oci/config.js';
import { labelNames } from '../../images/oci/labels.js';

export interface AppImage {
  readonly reference: string;
  /** Its name for people: a temporary tag tells them nothing. */
  readonly shownAs: string;
  readonly argv: readonly string[];
  readonly entrypoint: readonly string[];
  readonly cmd: readonly string[];
  readonly cwd: string;
  readonly user: string;
  readonly homeIsSet: boolean;
  readonly exposedPorts: readonly number[];
  readonly environment: ReadonlyMap<string, string>;
}

/** Reads the parts of an image's configuration that a build needs. Throws CRAC-IMAGE-ALREADY-BAKED, CRAC-IMAGE-NO-COMMAND, CRAC-PLATFORM-EMULATED. */
export function readAppImage(reference: string, shownAs: string, image: EngineImage, enginePlatform: string): AppImage {
  const { config } = image;
  const entrypoint = config.Entrypoint ?? [];
  const cmd = config.Cmd ?? [];
  if (config.Labels?.[labelNames.version] !== undefined || entrypoint[0] === initPath) {
    const base = config.Labels?.[labelNames.baseName];
    // What a Dockerfile made had no name, and is gone.
    throw CracError.of('CRAC-IMAGE-ALREADY-BAKED', { image: shownAs, base: base?.startsWith('sha256:') === true ? undefined : base });
  }
  const imagePlatform = `${image.platform.os}/${image.platform.architecture}`;
  if (imagePlatform !== enginePlatform) throw CracError.of('CRAC-PLATFORM-EMULATED', { image: shownAs, imagePlatform, enginePlatform });
  const argv = [...entrypoint, ...cmd];
  if (argv.length === 0) throw CracError.of('CRAC-IMAGE-NO-COMMAND', { image: shownAs });
  const environment = new Map(
    (config.Env ?? []).map((pair) => {
      const at = pair.indexOf('=');
      return at < 0 ? [pair, ''] : [pair.slice(0, at), pair.slice(at + 1)];
    }),
  );
  return {
    reference,
    shownAs,
    argv,
    entrypoint,
    cmd,
    cwd: config.WorkingDir === undefined || config.WorkingDir === '' ? '/' : config.WorkingDir,
    user: config.User ?? '',
    homeIsSet: environment.has('HOME'),
    exposedPorts: Object.keys(config.ExposedPorts ?? {})
      .filter((port) => !port.endsWith('/udp'))
      .map((port) => Number.parseInt(port, 10))
      .filter((port) => port > 0),
    environment,
  };
}

const usualPlaces = [
  '/usr/bin/java',
  '/opt/java/openjdk/bin/java',
  '/opt/java/bin/java',
  '/usr/lib/jvm/default-java/bin/java',
  '/usr/lib/jvm/default-jvm/bin/java',
];

/**
 * Finds java in a container that need not run. Gives its path.
 * Throws CRAC-IMAGE-NO-JVM with the places searched, CRAC-IMAGE-MUSL.
 */
export async function findJava(image: AppImage, container: EngineContainer, signal: AbortSignal): Promise<string> {
  const searchPath = (image.environment.get('PATH') ?? '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin').split(':');
  const javaHome = image.environment.get('JAVA_HOME');
  const places = [
    ...image.argv.slice(0, 1).filter((word) => /^\/.*\/java$/.test(word)),
    ...(javaHome === undefined ? [] : [`${javaHome}/bin/java`]),
    ...searchPath.filter((directory) => directory.startsWith('/')).map((directory) => `${directory}/java`),
    ...usualPlaces,
  ];
  const searched: string[] = [];
  for (const place of new Set(places)) {
    searched.push(place);
    if ((await container.statPath(place, signal)) === undefined) continue;
    const has = async (path: string): Promise<boolean> => (await container.statPath(path, signal)) !== undefined;
    const musl = (await has('/lib/ld-musl-x86_64.so.1')) || (await has('/lib/ld-musl-aarch64.so.1'));
    const glibc = (await has('/lib64/ld-linux-x86-64.so.2')) || (await has('/lib/ld-linux-aarch64.so.1'));
    if (musl && !glibc) throw CracError.of('CRAC-IMAGE-MUSL', { image: image.shownAs });
    return place;
  }
  throw CracError.of('CRAC-IMAGE-NO-JVM', { image: image.shownAs, searched });
}

/** What the JVM will take as its heap maximum, for the plan, and a warning where it depends on the build machine. */
export function describeHeap(
  image: AppImage,
  memoryBytes: number | undefined,
  machineBytes: number,
): { text: string; warning: string | undefined } {
  const options = [image.environment.get('JAVA_TOOL_OPTIONS') ?? '', image.environment.get('JDK_JAVA_OPTIONS') ?? '', ...image.argv].join(
    ' ',
  );
  const given = [...options.matchAll(/-Xmx\S+|-XX:MaxHeapSize=\S+/g)].at(-1)?.[0];
  if (given !== undefined) return { text: given, warning: undefined };
  const percent = Number([...options.matchAll(/-XX:MaxRAMPercentage=([\d.]+)/g)].at(-1)?.[1] ?? 25);
  const mebibytes = Math.floor(((memoryBytes ?? machineBytes) * percent) / 100 / 1048576);
  const text = `${mebibytes} MiB (${percent} % of ${memoryBytes === undefined ? "the build machine's memory" : '--memory'})`;
  return {
    text,
    warning:
      memoryBytes === undefined
        ? `the heap maximum is fixed at the checkpoint: ${text}; give -Xmx in the image, or --memory as at run time`
        : undefined,
  };
}
