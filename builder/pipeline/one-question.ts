/** A container that runs the step program for one answer, a line of JSON, and is gone. */
import * as v from 'valibot';
import { parseJson } from '../bench/parse-json.js';
import type { Cleanup } from '../engine/cleanup.js';
import type { ContainerSpec } from '../engine/port.js';
import { eachLine } from '../engine/streams.js';
import { CracError } from '../errors.js';
import type { Tools } from './tools.js';

/** Throws CRAC-STEP-FAILED where no line is an answer. */
export async function askOnce<T>(
  tools: Tools,
  what: string,
  spec: Omit<ContainerSpec, 'labels'>,
  answer: v.GenericSchema<unknown, T>,
  cleanup: Cleanup,
  signal: AbortSignal,
): Promise<T> {
  const container = await tools.engine.createContainer({ ...spec, labels: tools.labels, logDriver: 'none', networkMode: 'none' }, signal);
  const removed = cleanup.defer(what, (until) => container.remove(until));
  const { stdout, stderr } = await container.attach({ stdin: false }, signal);
  let found: T | undefined;
  let last = '';
  const reading = Promise.all([
    eachLine(stdout, (line) => {
      const message = v.safeParse(answer, parseJson(line));
      if (message.success) found = message.output;
      else last = line;
    }),
    eachLine(stderr, (line) => {
      last = line;
    }),
  ]);
  reading.catch(() => undefined);
  await container.start(signal);
  const [code] = await Promise.all([container.wait(signal), reading]);
  await container.remove(signal);
  removed();
  if (found === undefined)
    throw CracError.of('CRAC-STEP-FAILED', { message: `${what}: exit code ${code}${last === '' ? '' : `: ${last}`}` });
  return found;
}
