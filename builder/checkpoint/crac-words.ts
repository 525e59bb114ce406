/**
 * What CRaC JDKs say when a checkpoint did not work: in the answer to JDK.checkpoint (a Java stack trace; its code is 0 all the same), and
 * on the application's standard output where the engine failed after that answer. Patterns are the literal messages of openjdk/crac
 * (mirror/Core.java, crac_linux.cpp, criuengine.c, criuengine.cpp, crac.cpp).
 */
import { CracError } from '../errors.js';

/** One entry of the stack trace's exception: `Suppressed: CLASS: MESSAGE`. */
export interface Complaint {
  /** Without its package. */
  readonly type: string;
  readonly message: string;
  /** Frames of its own, the first ones. */
  readonly frames: readonly string[];
}

const mostFrames = 8;

/** The exceptions that a trace has suppressed, or its own where there are none; causes are no entries. */
export function readTrace(text: string): readonly Complaint[] {
  const complaints: { type: string; message: string; frames: string[]; suppressed: boolean }[] = [];
  for (const line of text.split('\n')) {
    const head = /^(\s*)(Suppressed: )?((?:[\w$]+\.)+[\w$]*(?:Exception|Error|Throwable)[\w$]*)(?:: (.*))?$/.exec(line);
    const [, , suppressed, name = '', message = ''] = head ?? [];
    if (head !== null) complaints.push({ type: name.split('.').at(-1) ?? name, message, frames: [], suppressed: suppressed !== undefined });
    const frame = /^\s*at (.+)$/.exec(line)?.[1];
    const last = complaints.at(-1);
    if (frame !== undefined && last !== undefined && last.frames.length < mostFrames) last.frames.push(frame);
  }
  const telling = complaints.filter((complaint) => complaint.suppressed);
  // The exceptions of nested contexts carry others, and say nothing themselves.
  const leaves = telling.filter(({ type, message }) => !/^(?:Checkpoint|Restore)Exception$/.test(type) || message !== '');
  return (leaves.length > 0 ? leaves : complaints.slice(0, 1)).map(({ type, message, frames }) => ({ type, message, frames }));
}

const describe = ({ type, message }: Complaint): string => (message === '' ? type : `${type}: ${message}`);

/** The refusal in an answer to JDK.checkpoint; undefined where it has none. */
export function readRefusal(text: string): CracError | undefined {
  if (text.includes('Unknown diagnostic command'))
    return CracError.of('CRAC-JDK-NOT-CONFIGURED', { message: 'the JVM does not know the command JDK.checkpoint' });
  if (!/An exception during a checkpoint operation|CheckpointException/.test(text)) return undefined;
  const complaints = readTrace(text);
  const of = (test: (complaint: Complaint) => boolean): readonly string[] =>
    complaints.filter(test).map(({ message, type }) => message || type);
  if (complaints.some(({ message }) => message.includes('C/R is not configured')))
    return CracError.of('CRAC-JDK-NOT-CONFIGURED', { message: 'it was started without -XX:CRaCCheckpointTo' });
  // The application's own objection is the one that only it can remove.
  const objections = complaints.filter(({ type }) => !/^CheckpointOpen|^IllegalSelectorException$/.test(type));
  if (complaints.some(({ message }) => message.includes('Native checkpoint failed')))
    return CracError.of('CRAC-JDK-ENGINE-FAILED', { message: 'Native checkpoint failed', lastLines: [] });
  if (objections.length > 0) {
    return CracError.of('CRAC-JDK-REFUSED', {
      exceptions: objections.map(describe),
      frames: objections[0]?.frames ?? [],
    });
  }
  const sockets = of(({ type, message }) => type === 'CheckpointOpenSocketException' || message.includes(' type=socket '));
  if (sockets.length > 0) return CracError.of('CRAC-JDK-OPEN-SOCKET', { sockets });
  const files = of(({ type }) => type === 'CheckpointOpenFileException');
  if (files.length > 0) return CracError.of('CRAC-JDK-OPEN-FILE', { files });
  return CracError.of('CRAC-JDK-OPEN-DESCRIPTOR', { descriptors: of(() => true) });
}

/** Whether the error is about what a dump by CRIU alone, without the JDK, would have no trouble with. */
export const isAboutDescriptors = ({ code }: CracError): boolean =>
  code === 'CRAC-JDK-OPEN-SOCKET' || code === 'CRAC-JDK-OPEN-FILE' || code === 'CRAC-JDK-OPEN-DESCRIPTOR';

const engineWords: readonly RegExp[] = [
  /JVM: invalid info for restore provided/,
  /CRaC engine failed to checkpoint to .*: error -?\d+/,
  /CRIU failed with exit code \d+ - check /,
  /CRIU has not properly exited, waitpid status was \d+/,
  /Cannot execute CRIU: /,
  /can't move out of JVM process hierarchy/,
  /cannot find CRIU to use/,
  /CRIU executable does not exist in /,
  /Cannot find CRIU executable on the PATH/,
  /Cannot spawn cracengine/,
  /warp: error: /,
];

/** The first line by which an engine says that it failed; undefined where there is none. */
export const engineFailure = (lines: readonly string[]): string | undefined =>
  lines.find((line) => engineWords.some((pattern) => pattern.test(line)));
