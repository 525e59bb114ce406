/** A Java exception as its stack trace prints it, made short: what it says, and where in the application it comes from. */

export interface ShortException {
  /** `Class: message` of the exception that says most. */
  readonly exception: string;
  /** The other exceptions and the application's frames, in the order of the trace. */
  readonly lines: readonly string[];
}

/** Frames of the JDK, of the coordination, and of reflection. */
const ofOthers = /^\s*at (?:[\w.]+\/)?(?:java|javax|jdk|sun|com\.sun|org\.crac|dev\.cracbuild)[.$]|^\s*at java\.[a-z]+\/|^\s*at \$Proxy/u;
/** The envelope in which the exceptions of several resources come. */
const envelope = /^(?:jdk|org|javax)\.crac\.(?:Checkpoint|Restore)Exception\b/u;
const framesEach = 3;
const mostLines = 12;

const isFrame = (line: string): boolean => /^\s*at /u.test(line);
const isRest = (line: string): boolean => /^\s*\.\.\. \d+ (?:more|common)/u.test(line);

/** Reads the text of Throwable.printStackTrace. */
export function describeException(text: string): ShortException {
  const lines = text.split('\n').filter((line) => line.trim() !== '' && !isRest(line));
  const shown: string[] = [];
  let frames = 0;
  for (const line of lines) {
    if (!isFrame(line)) {
      frames = 0;
      shown.push(line.trim());
    } else if (!ofOthers.test(line) && frames++ < framesEach) shown.push(`  ${line.trim()}`);
  }
  const titles = shown.filter((line) => !isFrame(line)).map((line) => line.replace(/^(?:Suppressed|Caused by): /u, ''));
  const exception = titles.find((title) => !envelope.test(title)) ?? titles[0] ?? 'an exception without words';
  const from = shown.findIndex((line) => line.endsWith(exception));
  return { exception, lines: shown.slice(from + 1, from + 1 + mostLines) };
}
