/**
 * Writes docs/errors.md from the table of builder/errors.ts (read as it is: Node 22.18 and later leave the types out).
 *   node scripts/generate-errors.mjs [--check]      --check: writes nothing, status 1 where the file is stale
 */
import { readFile, writeFile } from 'node:fs/promises';
import { format, resolveConfig } from 'prettier';
import { errorTable } from '../builder/errors.ts';
import { dumpReasons, restoreReasons } from '../builder/checkpoint/reasons.ts';

const target = new URL('../docs/errors.md', import.meta.url);

/** Arguments that are no text, by name; every other one stands in the page as its name in capitals. */
const samples = {
  afterMs: 60_000,
  neededBytes: undefined,
  freeBytes: undefined,
  suggestion: undefined,
  tried: ['PLACE', '…'],
  searched: ['PLACE', '…'],
  processes: ['PROCESS', '…'],
  connections: ['CONNECTION', '…'],
  lastLines: [],
  lines: ['at FRAME', '…'],
  refusals: ['OBJECT: REASON', '…'],
  ids: ['ID'],
  places: ['ID: PLACE: ENCODING', '…'],
  files: ['FILE', '…'],
  sockets: ['SOCKET', '…'],
  descriptors: ['DESCRIPTOR', '…'],
  exceptions: ['EXCEPTION', '…'],
  frames: [],
  imagePlatform: 'linux/arm64',
  enginePlatform: 'linux/amd64',
};

/** Where a hint is an argument of its own. */
const ownHints = {
  'CRAC-USAGE-FLAG': 'What the flag takes, and the nearest word that it knows.',
};

const areas = [
  ['Wrong use', /^CRAC-USAGE/],
  ['Dockerfile', /^CRAC-(DIALECT|DOCKERFILE|CONTEXT)/],
  ['Engine and machine', /^CRAC-(ENGINE|DISK|RUNTIME|PLATFORM)/],
  ['Images', /^CRAC-(IMAGE|BASE)/],
  ['The application while building', /^CRAC-(AGENT|APP|CALLBACK|PROBE|READY|WARMUP|ATTACH)/],
  ['Checkpoint', /^CRAC-(CRIU|CHECKPOINT|DUMP|SECRET|TAPE|STEP)/],
  ['Checkpoint by a CRaC JDK', /^CRAC-JDK/],
  ['The new image', /^CRAC-(BAKE|FORMAT|VERIFY|BENCH)/],
  ['Others', /./],
];

/** The page's text. */
export async function renderErrors() {
  const left = new Map(Object.entries(errorTable));
  const sections = areas.map(([title, pattern]) => {
    const rows = [...left].filter(([code]) => pattern.test(code));
    for (const [code] of rows) left.delete(code);
    return `## ${title}\n\n${rows.map(renderRow).join('\n')}`;
  });
  const page = `<!-- Made by scripts/generate-errors.mjs from builder/errors.ts: change it there, then npm run generate. -->

# Errors

A failure is printed on standard error as \`error CODE: what happened\`, where there is one with the place in a file and the causes
(\`cause:\`), and with what to do (\`try:\`). With \`--json\` the same is an object on standard output: \`{"error": {"code", "exit", "what",
"hint", "causes", "where"}}\`. Exit status 1: the work failed; 2: wrong use; 130, 143, 129: cancelled by Ctrl-C, SIGTERM, SIGHUP.
\`CRAC_BUILD_DEBUG=1\` adds stack traces. Codes are never renamed. Words in capitals stand for what varies.

The codes with which an image starts cold are another list: [restore.md](restore.md).

${sections.join('\n')}

## Messages of CRIU

What CRIU 4.2 says, and what it becomes. At a dump the first line of its log that is in this list decides; a line that is not becomes
\`CRAC-CRIU-DUMP-FAILED\`. \`…\` stands for what varies.

| message at a dump | code |
| --- | --- |
${Object.entries(dumpReasons)
  .flatMap(([code, messages]) => messages.map((message) => `| ${quoted(message)} | \`${code}\` |`))
  .join('\n')}

A start whose restore fails is cold, with the code \`COLD-RESTORE\` and the restorer's words; \`crac-build verify\` adds what to do:

| message at a restore | what it is | what to do |
| --- | --- | --- |
${restoreReasons
  .flatMap(({ about, messages, advice }) => messages.map((message) => `| ${quoted(message)} | ${about} | ${advice} |`))
  .join('\n')}
`;
  return format(page, { ...(await resolveConfig(target.pathname)), parser: 'markdown' });
}

function renderRow([code, { exit, what, hint }]) {
  const args = new Proxy({}, { get: (_, name) => (name in samples ? samples[name] : capitals(name)) });
  const optional = new Proxy({}, { get: (_, name) => (name === 'explanation' ? undefined : args[name]) });
  return `### ${code}\n\nExit status ${exit}. ${escapeMarkdown(sentence(what(args)))}\n\nTry: ${escapeMarkdown(ownHints[code] ?? hint(optional))}\n`;
}

/** As code in a cell of a table. */
function quoted(message) {
  return `\`${message.trim().replaceAll('|', '\\|')}\``;
}

function capitals(name) {
  return name.replaceAll(/[A-Z]/g, (letter) => ` ${letter}`).toUpperCase();
}

function sentence(text) {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}.`.replace(/\.\.$/, '.');
}

function escapeMarkdown(text) {
  return text.replaceAll(/[*<]/g, '\\$&');
}

const text = await renderErrors();
if (process.argv.includes('--check')) {
  if ((await readFile(target, 'utf8').catch(() => '')) !== text) {
    console.error('docs/errors.md is stale: npm run generate');
    process.exitCode = 1;
  }
} else {
  await writeFile(target, text);
}
