/** Values that the tests of OCI formats share. */
import { createHash } from 'node:crypto';
import type { DiffId } from '../../../../images/oci/digest.js';
import type { CheckpointLabels } from '../../../../images/oci/labels.js';
import type { ImageConfig } from '../../../../images/oci/types.js';

export function diffIdOf(text: string): DiffId {
  return `sha256:${createHash('sha256').update(text).digest('hex')}` as DiffId;
}

/** A config as Docker writes it, with fields that the specification does not have. */
export const baseConfig: ImageConfig = {
  architecture: 'amd64',
  config: {
    Hostname: '',
    User: '1000:1000',
    ExposedPorts: { '8080/tcp': {} },
    Env: ['PATH=/bin', 'A=b'],
    Cmd: ['--server'],
    Image: 'sha256:0',
    Volumes: { '/data': {} },
    WorkingDir: '/app',
    Entrypoint: ['java', '-jar', '/app.jar'],
    OnBuild: ['RUN true'],
    Labels: { 'org.example.kept': 'yes' },
    StopSignal: 'SIGINT',
    StopTimeout: 7,
    Healthcheck: { Test: ['CMD', 'true'], Interval: 30_000_000_000 },
    Shell: ['/bin/bash', '-c'],
    ArgsEscaped: true,
  },
  container: 'abc',
  container_config: { Cmd: ['/bin/sh', '-c', '#(nop) CMD'] },
  created: '2026-01-01T00:00:00Z',
  docker_version: '20.10.24',
  history: [
    { created: '2026-01-01T00:00:00Z', created_by: '/bin/sh -c #(nop) ADD file:x in /' },
    { created: '2026-01-01T00:00:00Z', created_by: '/bin/sh -c #(nop) CMD ["--server"]', empty_layer: true },
    { created: '2026-01-01T00:00:00Z', created_by: 'COPY app.jar /app.jar' },
  ],
  os: 'linux',
  'os.features': ['some'],
  rootfs: { type: 'layers', diff_ids: [diffIdOf('base'), diffIdOf('app')] },
};

export const checkpointLabels: CheckpointLabels = {
  version: '0.1.0',
  restorer: 'criu',
  mode: 'read',
  engine: 'criu',
  jdk: '25.0.1+8',
  cpu: 'x86-64-v3',
  kernel: '6.12.0',
  checkpointTime: '2026-02-01T10:00:00.000Z',
  baseDigest: diffIdOf('base image'),
  baseName: 'app:1',
  runArgs: ['--cap-add', 'SYS_ADMIN', '--security-opt=no-new-privileges=false'],
};

/** A copy of `value` without some of its fields. */
export function without<T extends object, K extends keyof T>(value: T, ...fields: readonly K[]): Omit<T, K> {
  return Object.fromEntries(Object.entries(value).filter(([field]) => !fields.some((each) => each === field))) as Omit<T, K>;
}
