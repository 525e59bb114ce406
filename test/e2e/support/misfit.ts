/** The image of the application that misbehaves, and arguments for builds from it. */
import { fileURLToPath } from 'node:url';
import type { ExecutionContext } from 'ava';
import { plainImage } from './docker.js';

/** test/fixtures; this file is dist/test/e2e/support/misfit.js. */
export const fixtures = fileURLToPath(new URL('../../../../test/fixtures', import.meta.url));

/** Makes the image and gives its name. */
export function misfitImage(t: ExecutionContext): Promise<string> {
  const dockerfile =
    'FROM crac-build-test/jre:25\nCOPY target/classes /app\nENTRYPOINT ["java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xmx32m", "-cp", "/app", "Misfit"]\n';
  return plainImage(t, 'misfit', dockerfile, `${fixtures}/misfit`);
}

/** Arguments of a build from `image` whose application has a fault (see Misfit.java; "": none). */
export const faulty = (image: string, fault: string, ...more: readonly string[]): readonly string[] => [
  '--from',
  image,
  ...(fault === '' ? [] : ['--env', `MISFIT=${fault}`]),
  ...more,
];
