/** Runs the step program in a build container: sends the plan, passes its events on, answers its request, gives its result. */
import type { EngineContainer } from '../engine/port.js';
import { eachLine } from '../engine/streams.js';
import { CracError, type ErrorReport } from '../errors.js';
import type { Call } from '../api.js';
import type { StepName } from '../events.js';
import type { StepMessage, StepResult } from '../step/protocol.js';

/** Starts the container and follows its step program to the end. Throws what the program reports, CRAC-STEP-FAILED when it just ends. */
export async function runStepProgram(container: EngineContainer, call: Call): Promise<StepResult> {
  const { signal, emit } = call;
  const streams = await container.attach({ stdin: true }, signal);
  let step: StepName = 'start';
  const words: string[] = [];
  const followErrors = eachLine(streams.stderr, (line) => {
    words.push(line);
    emit({ type: 'log', step, source: 'step', stream: 'stderr', line });
  });
  followErrors.catch(() => undefined);
  await container.start(signal);

  let result: StepResult | undefined;
  let report: ErrorReport | undefined;
  const followMessages = eachLine(streams.stdout, async (line) => {
    const message = parseMessage(line);
    switch (message?.type) {
      case 'event':
        if ('step' in message.event) step = message.event.step;
        emit(message.event);
        break;
      case 'need-changes': {
        const changes = await container.changes(signal);
        streams.stdin?.write(`${JSON.stringify({ type: 'changes', changes })}\n`);
        break;
      }
      case 'result':
        result = message.result;
        break;
      case 'error':
        report = message.error;
        break;
      case undefined:
        words.push(line);
        break;
    }
  });
  // All three at once: when the build is cancelled each of them fails, and a failure that nobody waits for would end the process.
  const [code] = await Promise.all([container.wait(signal), followErrors, followMessages]);
  if (result !== undefined) return result;
  if (report !== undefined) throw CracError.fromReport(report);
  const { oomKilled } = await container.inspect(signal);
  const last = words.at(-1);
  throw CracError.of('CRAC-STEP-FAILED', {
    message: `${oomKilled ? 'out of memory, ' : ''}exit code ${code}${last === undefined ? '' : `: ${last}`}`,
  });
}

function parseMessage(line: string): StepMessage | undefined {
  try {
    return JSON.parse(line) as StepMessage;
  } catch {
    // Words of crac-init or Node itself; they explain a program that ends early.
    return undefined;
  }
}
