/**
 * A Dockerfile of the dialect: our four instructions READY, WARMUP, CHECKPOINT and RESTORE as values, and the standard rest, untouched.
 * They stand in the stage that is built, after its ENTRYPOINT and CMD. Standard instructions are never interpreted here; what is
 * wrong in them is told by the engine's own builder, with its own words and the right line numbers.
 */
import { CracError } from '../errors.js';
import { readFlagWords } from './flag-words.js';
import { lexDockerfile, type LexedDockerfile, type RawInstruction } from './lexer.js';
import { nearest } from './nearest.js';
import { originAt, type Origin } from './origin.js';
import { parseReadiness } from './readiness.js';
import { parseCheckpoint, parseRestore, type InstructionValues } from './settings.js';
import { parseWarmup } from './warmup.js';

export const ownInstructions = ['READY', 'WARMUP', 'CHECKPOINT', 'RESTORE'] as const;

export type OwnInstruction = (typeof ownInstructions)[number];

/** buildkit frontend/dockerfile/command/command.go, v0.25. */
const standardInstructions = [
  ...['ADD', 'ARG', 'CMD', 'COPY', 'ENTRYPOINT', 'ENV', 'EXPOSE', 'FROM', 'HEALTHCHECK', 'LABEL', 'MAINTAINER', 'ONBUILD', 'RUN'],
  ...['SHELL', 'STOPSIGNAL', 'USER', 'VOLUME', 'WORKDIR'],
];

/** Where one of our instructions stands: lines count from 1, the last one included. */
export interface OwnPlace {
  readonly instruction: OwnInstruction;
  readonly firstLine: number;
  readonly lastLine: number;
}

/** The values of our instructions, and their places in the order of the file. */
export interface DialectInstructions extends InstructionValues {
  readonly places: readonly OwnPlace[];
}

export interface ParsedDockerfile {
  readonly instructions: DialectInstructions;
  /**
   * The text with our instructions' lines emptied: every other line is as it was, with its number. Only a `# syntax=` line that names
   * our own frontend is taken out, since no engine needs it for standard instructions.
   */
  readonly standard: string;
  /** TCP ports that EXPOSE names in the built stage and the stages it is made from, as far as they are plain numbers. */
  readonly expose: readonly number[];
}

interface Stage {
  readonly name: string | undefined;
  readonly base: string;
  readonly instructions: RawInstruction[];
}

type Own = RawInstruction & { readonly keyword: OwnInstruction };

/**
 * Takes a Dockerfile apart. `file` is its name in errors; `target` the stage that is built (not given: the last one).
 * Throws CRAC-DIALECT-SYNTAX and CRAC-DIALECT-MISPLACED with the place, CRAC-USAGE-FLAG for a target that is not there.
 */
export function parseDockerfile(text: string, options: { readonly file: string; readonly target?: string }): ParsedDockerfile {
  const lexed = lexDockerfile(text, options.file);
  const { escape, instructions } = lexed;
  const stages = readStages(instructions, escape);
  const built = builtStage(stages, options.target);
  for (const instruction of instructions) {
    refuseMistyped(instruction);
    refuseTrigger(instruction);
  }
  const own = instructions.filter(isOwn);
  for (const instruction of own) checkPlace(instruction, stages, built, own);
  return {
    instructions: readOwn(own, escape),
    standard: blank(withoutOwnSyntax(lexed), own).join(''),
    expose: exposedPorts(stages, built, escape),
  };
}

function isOwn(instruction: RawInstruction): instruction is Own {
  return (ownInstructions as readonly string[]).includes(instruction.keyword);
}

function readStages(instructions: readonly RawInstruction[], escape: string): readonly Stage[] {
  const stages: Stage[] = [];
  for (const instruction of instructions) {
    if (instruction.keyword === 'FROM') {
      const { restAt } = readFlagWords(instruction.text, instruction.argumentsAt, escape, 'docker');
      const [base = '', as, name] = instruction.text.slice(restAt).split(/\s+/);
      stages.push({ base, name: as?.toUpperCase() === 'AS' ? name?.toLowerCase() : undefined, instructions: [] });
    }
    stages.at(-1)?.instructions.push(instruction);
  }
  return stages;
}

function builtStage(stages: readonly Stage[], target: string | undefined): Stage | undefined {
  if (target === undefined) return stages.at(-1);
  const found = stages.findLast((stage) => stage.name === target.toLowerCase());
  if (found) return found;
  const names = stages.flatMap((stage) => stage.name ?? []);
  const near = nearest(target, names);
  const expected = names.length === 0 ? 'no --target: the Dockerfile has no named stage' : `one of the stages ${names.join(', ')}`;
  throw CracError.of('CRAC-USAGE-FLAG', {
    flag: '--target',
    value: target,
    expected: near === undefined ? expected : `${expected} (did you mean ${near}?)`,
  });
}

/** A word that no builder knows and that is near one of ours; any other unknown word is the engine's to refuse. */
function refuseMistyped(instruction: RawInstruction): void {
  if (isOwn(instruction) || standardInstructions.includes(instruction.keyword)) return;
  const near = nearest(instruction.keyword, [...standardInstructions, ...ownInstructions]);
  if (near === undefined || !(ownInstructions as readonly string[]).includes(near)) return;
  throw CracError.of(
    'CRAC-DIALECT-SYNTAX',
    { message: `unknown instruction ${instruction.word}`, suggestion: `Did you mean ${near}?` },
    { where: instruction.where(instruction.wordAt) },
  );
}

/** ONBUILD would put our instruction into another image's build, where nobody knows it. */
function refuseTrigger(instruction: RawInstruction): void {
  if (instruction.keyword !== 'ONBUILD') return;
  const [word = ''] = instruction.text.slice(instruction.argumentsAt).split(/\s/);
  if (!(ownInstructions as readonly string[]).includes(word.toUpperCase())) return;
  throw CracError.of(
    'CRAC-DIALECT-MISPLACED',
    { instruction: word.toUpperCase(), rule: 'ONBUILD takes standard instructions only' },
    { where: instruction.where(instruction.argumentsAt) },
  );
}

function checkPlace(instruction: Own, stages: readonly Stage[], built: Stage | undefined, own: readonly Own[]): void {
  const refuse = (rule: string): never => {
    const where = instruction.where(instruction.wordAt);
    throw CracError.of('CRAC-DIALECT-MISPLACED', { instruction: instruction.keyword, rule }, { where });
  };
  const stage = stages.find((s) => s.instructions.includes(instruction));
  if (!stage || !built) return refuse('there is no FROM before it');
  if (stage !== built) {
    const name = built.name === undefined ? 'the last one' : `"${built.name}"`;
    return refuse(`the stage that is built is ${name}, from line ${built.instructions[0]?.firstLine ?? 0}`);
  }
  const later = stage.instructions.find(
    (other) => ['ENTRYPOINT', 'CMD'].includes(other.keyword) && other.firstLine > instruction.firstLine,
  );
  if (later) refuse(`${later.keyword} follows in line ${later.firstLine}`);
  const first = own.find((other) => other.keyword === instruction.keyword);
  if (instruction.keyword !== 'WARMUP' && first && first !== instruction) {
    refuse(`there is one in line ${first.firstLine} already`);
  }
}

function readOwn(own: readonly Own[], escape: string): DialectInstructions {
  const found: {
    readiness?: DialectInstructions['readiness'];
    warmups: DialectInstructions['warmups'][number][];
    checkpoint?: DialectInstructions['checkpoint'];
    restore?: DialectInstructions['restore'];
  } = { warmups: [] };
  for (const instruction of own) {
    const text = instruction.text.slice(instruction.argumentsAt);
    const origin: Origin = originAt({ name: instruction.keyword, escape, where: instruction.where }, instruction.argumentsAt);
    switch (instruction.keyword) {
      case 'READY':
        found.readiness = parseReadiness(text, origin);
        break;
      case 'WARMUP':
        found.warmups.push(parseWarmup(text, origin));
        break;
      case 'CHECKPOINT':
        found.checkpoint = parseCheckpoint(text, origin);
        break;
      case 'RESTORE':
        found.restore = parseRestore(text, origin);
        break;
    }
  }
  const { readiness, warmups, checkpoint, restore } = found;
  return {
    ...(readiness && { readiness }),
    warmups,
    ...(checkpoint && { checkpoint }),
    ...(restore && { restore }),
    places: own.map(({ keyword, firstLine, lastLine }) => ({ instruction: keyword, firstLine, lastLine })),
  };
}

/** Our BuildKit frontend, whatever registry and version: `crac-build/frontend:1`, `registry.example/mirror/crac-build/frontend@sha256:…`. */
const ownFrontend = /(^|\/)crac-build\/frontend($|[:@\s])/;

/**
 * The lines without the directive that names our frontend. An empty line would end the directives before `# escape=` is read, so the
 * directives below it move up, and the last one's line becomes empty.
 */
function withoutOwnSyntax({ lines, directives }: LexedDockerfile): readonly string[] {
  const at = directives.findIndex(({ name, value }) => name === 'syntax' && ownFrontend.test(value));
  if (at < 0) return lines;
  const moved = [...lines];
  for (const [i, { line }] of directives.entries()) {
    const below = directives[i + 1];
    if (i >= at) moved[line - 1] = (below ? bareLine(lines[below.line - 1] ?? '') : '') + lineEnd(lines[line - 1] ?? '');
  }
  return moved;
}

const lineEnd = (line: string): string => /[\r\n]*$/.exec(line)?.[0] ?? '';
const bareLine = (line: string): string => line.slice(0, line.length - lineEnd(line).length);

/** Empties the lines of our instructions; line ends stay. */
function blank(lines: readonly string[], own: readonly RawInstruction[]): readonly string[] {
  const blanked = [...lines];
  for (const { firstLine, lastLine } of own) {
    for (let line = firstLine; line <= lastLine; line++) {
      blanked[line - 1] = lineEnd(lines[line - 1] ?? '');
    }
  }
  return blanked;
}

function exposedPorts(stages: readonly Stage[], built: Stage | undefined, escape: string): readonly number[] {
  const ports = new Set<number>();
  for (let stage = built; stage;) {
    for (const { keyword, text, argumentsAt } of stage.instructions) {
      if (keyword !== 'EXPOSE') continue;
      const { restAt } = readFlagWords(text, argumentsAt, escape, 'docker');
      for (const word of text.slice(restAt).split(/\s+/)) for (const port of portsOf(word)) ports.add(port);
    }
    const before: readonly Stage[] = stages.slice(0, stages.indexOf(stage));
    const base: string = stage.base.toLowerCase();
    stage = before.findLast((s) => s.name === base);
  }
  return [...ports];
}

/** `8080`, `8080/tcp`, `8080-8082`; nothing of other protocols and of variables. */
function portsOf(word: string): readonly number[] {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?(?:\/tcp)?$/i.exec(word);
  if (!match) return [];
  const from = Number(match[1]);
  const to = Number(match[2] ?? match[1]);
  if (from < 1 || to > 65_535 || to < from) return [];
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
}
