/** Images of the small application without a checkpoint, and images that differ in a label. */
import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import type { ExecutionContext } from 'ava';
import { docker, plainImage, runId } from './docker.js';

/** The small application's folder; this file is dist/test/e2e/support/app-image.js. */
export const smallContext = fileURLToPath(new URL('../../../../test/fixtures/small', import.meta.url));

/** A line of a Dockerfile that makes `app`, a user with files and a supplementary group of its own. */
export const userApp =
  "RUN echo 'app:x:1000:1000::/home/app:/bin/sh' >> /etc/passwd && echo 'team:x:3001:app' >> /etc/group && mkdir -p /data /home/app && chown 1000:1000 /data /home/app";

export const configuredDockerfile = `
FROM crac-build-test/jre:25
LABEL com.example.team=blue
ENV GREETING="hello world" MODE=plain
${userApp}
WORKDIR /srv/app
COPY target/classes classes
EXPOSE 8080 9090/udp
VOLUME /data
STOPSIGNAL SIGINT
HEALTHCHECK --interval=5s --timeout=2s --retries=7 CMD ["true"]
USER app
ENTRYPOINT ["java", "-XX:+UseSerialGC", "-Xmx64m", "-cp", "classes", "Small"]
CMD ["one", "two words"]
`;

/** Flags of `crac-build build` for the application. */
export const smallFlags: readonly string[] = ['--ready', 'http://:8080/health', '--warmup', '--requests=50 GET /'];

/** An image with everything in its configuration that is to be kept. */
export const configuredImage = (t: ExecutionContext, name: string): Promise<string> =>
  plainImage(t, name, configuredDockerfile, smallContext);

/** An image that says no more than it has to. */
export const simpleImage = (t: ExecutionContext, name: string): Promise<string> => {
  const entryPoint = 'ENTRYPOINT ["java", "-XX:+UseSerialGC", "-Xmx64m", "-cp", "/app", "Small"]';
  const dockerfile = `FROM crac-build-test/jre:25\nCOPY target/classes /app\nEXPOSE 8080\n${entryPoint}\n`;
  return plainImage(t, name, dockerfile, smallContext);
};

/** An image with another value of a label, and everything else the same; it is removed when the test ends. */
export async function relabelled(t: ExecutionContext, image: string, label: string, value: string): Promise<string> {
  const name = `crac-build-test-${runId}/relabelled-${randomBytes(4).toString('hex')}`;
  const { code, stderr } = await docker(['build', '-q', '-t', name, '--label', `${label}=${value}`, '-'], { input: `FROM ${image}\n` });
  if (code !== 0) throw new Error(stderr);
  t.teardown(async () => {
    await docker(['rmi', '-f', name]);
  });
  return name;
}
