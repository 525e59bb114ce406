/** The standard part of a Dockerfile, as the engine's own builder gets it. */

/** Frontend images that would bring our own instructions back: nothing of them is left, and the builder must not start us again. */
const ownFrontend = /^#\s*syntax\s*=\s*(?:\S*\/)?crac-build\/frontend(?:[:@]\S*)?\s*$/i;

const directive = /^#\s*[A-Za-z][A-Za-z0-9]*\s*=/;

/**
 * Takes a `# syntax=` line with our own frontend out. Other parser directives must stay at the top, so the line moves, as a plain
 * comment, behind the last of them: all later lines keep their numbers.
 */
export function withoutOwnSyntax(text: string): string {
  const lines = text.split('\n');
  const own = lines.findIndex(
    (line, index) => ownFrontend.test(line.replace(/\r$/, '')) && lines.slice(0, index).every((before) => directive.test(before)),
  );
  if (own < 0) return text;
  lines.splice(own, 1);
  const after = lines.findIndex((line) => !directive.test(line));
  lines.splice(after < 0 ? lines.length : after, 0, '#');
  return lines.join('\n');
}
