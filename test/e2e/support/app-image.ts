/** The application's image without a checkpoint, with everything in its configuration that is to be kept. */
import { fileURLToPath } from 'node:url';
import type { ExecutionContext } from 'ava';
import { plainImage } from './docker.js';

/** The small application's folder; this file is dist/test/e2e/support/app-image.js. */
export const smallContext = fileURLToPath(new URL('../../../../test/fixtures/small', import.meta.url));

/** Lines of a Dockerfile that make `app`, a user with files of its own. */
export const userApp =
  "RUN echo 'app:x:1000:1000::/home/app:/bin/sh' >> /etc/passwd && mkdir -p /data /home/app && chown 1000:1000 /data /home/app";

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

export const configuredImage = (t: ExecutionContext, name: string): Promise<string> =>
  plainImage(t, name, configuredDockerfile, smallContext);

export const simpleImage = (t: ExecutionContext, name: string): Promise<string> =>
  plainImage(
    t,
    name,
    'FROM crac-build-test/jre:25\nCOPY target/classes /app\nEXPOSE 8080\nENTRYPOINT ["java", "-XX:+UseSerialGC", "-Xmx64m", "-cp", "/app", "Small"]\n',
    smallContext,
  );
