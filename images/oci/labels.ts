/** The labels of a baked image: their names in one place, and their values as they are read and written. */
import { FormatError } from '../errors.js';

export const labelNames = {
  version: 'dev.crac-build.version',
  restorer: 'dev.crac-build.restorer',
  mode: 'dev.crac-build.mode',
  engine: 'dev.crac-build.engine',
  jdk: 'dev.crac-build.jdk',
  agent: 'dev.crac-build.agent',
  cpu: 'dev.crac-build.cpu',
  kernel: 'dev.crac-build.kernel',
  checkpointTime: 'dev.crac-build.checkpoint-time',
  baseDigest: 'dev.crac-build.base-digest',
  baseName: 'dev.crac-build.base-name',
  runArgs: 'dev.crac-build.run-args',
  restoreMs: 'dev.crac-build.restore-ms',
  coldMs: 'dev.crac-build.cold-ms',
  layers: 'dev.crac-build.layers',
} as const;

/** What the labels say, but for the roles of the layers (layer-roles.ts). */
export interface CheckpointLabels {
  /** Version of crac-build. */
  readonly version: string;
  readonly restorer: 'criu' | 'tape';
  readonly mode?: 'mmap' | 'lazy' | 'read';
  /** What made the checkpoint. */
  readonly engine: 'criu' | 'crac';
  readonly jdk: string;
  /** The application has the agent, by which the org.crac callbacks are supplied so. */
  readonly agent?: 'auto' | 'on' | 'off';
  /** The CPU level or model on which the image restores. */
  readonly cpu: string;
  /** Release of the kernel that the checkpoint was made on. */
  readonly kernel: string;
  /** RFC 3339 */
  readonly checkpointTime: string;
  /** The image it was made from: its ID and the name it had. */
  readonly baseDigest: string;
  readonly baseName: string;
  /** Arguments of `docker run` with which a container of the image may restore. */
  readonly runArgs: readonly string[];
  /** Times seen at verify. */
  readonly restoreMs?: number;
  readonly coldMs?: number;
}

/** Words that a shell splits as we do: `docker run $(docker inspect …) IMAGE` has to work. */
const plainWord = /^[\w@%+=:,./-]+$/;

/** The labels for these values. Throws a FormatError for a run argument that would need quoting. */
export function encodeLabels(values: CheckpointLabels): Record<string, string> {
  const quoted = values.runArgs.find((word) => !plainWord.test(word));
  if (quoted !== undefined) throw new FormatError(`the run argument ${JSON.stringify(quoted)} cannot be in a label without quotes`);
  const labels: Record<string, string> = {};
  for (const key of textKeys) {
    const value = values[key];
    if (value !== undefined) labels[labelNames[key]] = value;
  }
  labels[labelNames.runArgs] = values.runArgs.join(' ');
  for (const key of timeKeys) {
    const value = values[key];
    if (value !== undefined) labels[labelNames[key]] = String(value);
  }
  return labels;
}

const textKeys = [
  'version',
  'restorer',
  'mode',
  'engine',
  'jdk',
  'agent',
  'cpu',
  'kernel',
  'checkpointTime',
  'baseDigest',
  'baseName',
] as const;
const timeKeys = ['restoreMs', 'coldMs'] as const;

/** What the labels of an image say; undefined for an image that has no checkpoint. Throws a FormatError for labels that make no sense. */
export function decodeLabels(labels: Readonly<Record<string, string>> | null | undefined): CheckpointLabels | undefined {
  if (labels?.[labelNames.version] === undefined) return undefined;
  const text = (key: Exclude<keyof typeof labelNames, 'layers'>): string => {
    const value = labels[labelNames[key]];
    if (value === undefined) throw new FormatError(`the image has no label ${labelNames[key]}`);
    return value;
  };
  const optional = (key: 'mode' | 'agent' | 'restoreMs' | 'coldMs'): string | undefined => labels[labelNames[key]];
  const mode = optional('mode');
  const agent = optional('agent');
  const restoreMs = optional('restoreMs');
  const coldMs = optional('coldMs');
  return {
    version: text('version'),
    restorer: oneOf('restorer', text('restorer'), ['criu', 'tape']),
    ...(mode !== undefined && { mode: oneOf('mode', mode, ['mmap', 'lazy', 'read']) }),
    engine: oneOf('engine', text('engine'), ['criu', 'crac']),
    jdk: text('jdk'),
    ...(agent !== undefined && { agent: oneOf('agent', agent, ['auto', 'on', 'off']) }),
    cpu: text('cpu'),
    kernel: text('kernel'),
    checkpointTime: text('checkpointTime'),
    baseDigest: text('baseDigest'),
    baseName: text('baseName'),
    runArgs: text('runArgs')
      .split(' ')
      .filter((word) => word !== ''),
    ...(restoreMs !== undefined && { restoreMs: milliseconds('restoreMs', restoreMs) }),
    ...(coldMs !== undefined && { coldMs: milliseconds('coldMs', coldMs) }),
  };
}

function oneOf<T extends string>(key: keyof typeof labelNames, value: string, allowed: readonly T[]): T {
  const found = allowed.find((candidate) => candidate === value);
  if (found === undefined)
    throw new FormatError(`the label ${labelNames[key]} is ${JSON.stringify(value.slice(0, 60))}, not ${allowed.join(' or ')}`);
  return found;
}

function milliseconds(key: keyof typeof labelNames, value: string): number {
  if (!/^\d{1,12}(\.\d{1,12})?$/.test(value)) throw new FormatError(`the label ${labelNames[key]} is no number of milliseconds`);
  return Number(value);
}
