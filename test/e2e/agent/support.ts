/** Images of the application that takes part in its checkpoint, one for each restorer. */
import type { ExecutionContext } from 'ava';
import { get, type Container } from '../support/docker.js';
import { restorableByCriu, restorableByTape } from '../support/restore.js';
import { warmImage, type WarmImage } from '../support/warm.js';

export const restorers = ['tape', 'criu'] as const;
export type Restorer = (typeof restorers)[number];

/** `docker run` arguments with which its images restore. */
export const startArgs: Readonly<Record<Restorer, readonly string[]>> = { tape: restorableByTape, criu: restorableByCriu };

/** `docker run` arguments for variables. */
export const variables = (values: Readonly<Record<string, string>>): readonly string[] =>
  Object.entries(values).flatMap(([name, value]) => ['-e', `${name}=${value}`]);

export interface AppOptions {
  /** What is special about it (Coordinated.java), by the name of the image as well. */
  readonly modes?: string;
  readonly args?: readonly string[];
  readonly jdk?: string;
}

/** The image with a checkpoint; its environment has GREETING=build. */
export function coordinated(restorer: Restorer, { modes = '', args = [], jdk = '25' }: AppOptions = {}): Promise<string> {
  const image: WarmImage = {
    name: ['agent', restorer, jdk, ...(modes === '' ? [] : [modes.replaceAll(',', '-')])].join('-'),
    fixture: 'agent',
    dockerfile: `
FROM crac-build-test/jre:${jdk}
COPY target/agent.jar /app/agent.jar
ENV GREETING=build FROZEN=build
EXPOSE 8080
ENTRYPOINT ["java", "-XX:+UseSerialGC", "-Xmx64m", "-jar", "/app/agent.jar"]
READY http://:8080/health
`,
    args: [`--with=${restorer}`, '--env', `MODES=${modes}`, ...args],
  };
  return warmImage(image);
}

/** The answer to a question, without its last line feed. */
export async function ask(t: ExecutionContext, container: Container, path: string): Promise<string> {
  const { status, text } = await get(t, container, path);
  t.is(status, 200, text);
  return text.trimEnd();
}
