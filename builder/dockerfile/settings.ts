/**
 * CHECKPOINT and RESTORE, and what comes out when the instructions of a Dockerfile and the flags of the command line are put together.
 *   CHECKPOINT [--engine=auto|criu|crac] [--gc=full|none] [--cpu=x86-64-v2|x86-64-v3|x86-64-v4|native] [--callbacks=auto|on|off]
 *   RESTORE [--with=auto|tape|criu] [--mode=mmap|lazy|read] [--fallback=cold|fail]
 */
import { CracError } from '../errors.js';
import { readArguments } from './flags.js';
import { nearest } from './nearest.js';
import { flagOrigin, refuse, type Origin } from './origin.js';
import { parseReadiness, type Readiness } from './readiness.js';
import { parseWarmup, type Warmup } from './warmup.js';

const checkpointChoices = {
  engine: ['auto', 'criu', 'crac'],
  gc: ['full', 'none'],
  cpu: ['x86-64-v2', 'x86-64-v3', 'x86-64-v4', 'native'],
  callbacks: ['auto', 'on', 'off'],
} as const;

const restoreChoices = {
  with: ['auto', 'tape', 'criu'],
  mode: ['mmap', 'lazy', 'read'],
  fallback: ['cold', 'fail'],
} as const;

type Choices = Readonly<Record<string, readonly string[]>>;
type Chosen<C extends Choices> = { readonly [K in keyof C]?: C[K][number] };

/** What CHECKPOINT or its flags say; a name that is not there was not given. */
export type CheckpointFlags = Chosen<typeof checkpointChoices>;
export type RestoreFlags = Chosen<typeof restoreChoices>;

export type CpuLevel = (typeof checkpointChoices.cpu)[number];

export interface CheckpointSettings {
  readonly engine: 'auto' | 'criu' | 'crac';
  readonly gc: 'full' | 'none';
  /** How org.crac is supplied: to an application that has the library, to each, to none. */
  readonly callbacks: 'auto' | 'on' | 'off';
  /** Not given: decided by what the build host has. */
  readonly cpu?: CpuLevel;
}

export interface RestoreSettings {
  readonly with: 'auto' | 'tape' | 'criu';
  readonly fallback: 'cold' | 'fail';
  /** Not given: decided by the restorer. */
  readonly mode?: 'mmap' | 'lazy' | 'read';
}

export interface Settings {
  /** Null: the first listening TCP port. */
  readonly readiness: Readiness | null;
  readonly warmups: readonly Warmup[];
  readonly checkpoint: CheckpointSettings;
  readonly restore: RestoreSettings;
}

/** The values that instructions give. */
export interface InstructionValues {
  readonly readiness?: Readiness;
  readonly warmups: readonly Warmup[];
  readonly checkpoint?: CheckpointFlags;
  readonly restore?: RestoreFlags;
}

/** The flags of the command line, as given. */
export interface SettingsFlags {
  readonly ready?: string | undefined;
  readonly warmups: readonly string[];
  readonly checkpoint: Readonly<Partial<Record<keyof typeof checkpointChoices, string | undefined>>>;
  readonly restore: Readonly<Partial<Record<keyof typeof restoreChoices, string | undefined>>>;
}

/** Reads the text of a CHECKPOINT instruction. Throws CRAC-DIALECT-SYNTAX with the place. */
export function parseCheckpoint(text: string, origin: Origin): CheckpointFlags {
  return parseChoices(text, origin, checkpointChoices);
}

/** Reads the text of a RESTORE instruction. Throws CRAC-DIALECT-SYNTAX with the place. */
export function parseRestore(text: string, origin: Origin): RestoreFlags {
  return parseChoices(text, origin, restoreChoices);
}

/**
 * Flags override instructions: `--ready` replaces READY, one or more `--warmup` replace all WARMUPs, each other flag the value of
 * its name. Throws CRAC-DIALECT-SYNTAX for the texts, CRAC-USAGE-FLAG for the words, and where they do not go together.
 */
export function mergeSettings(instructions: InstructionValues, flags: SettingsFlags): Settings {
  const checkpoint = { ...instructions.checkpoint, ...checkWords(flags.checkpoint, checkpointChoices) };
  const restore = { ...instructions.restore, ...checkWords(flags.restore, restoreChoices) };
  return {
    readiness:
      flags.ready === undefined ? (instructions.readiness ?? null) : parseReadiness(flags.ready, flagOrigin('--ready', flags.ready)),
    warmups:
      flags.warmups.length === 0 ? instructions.warmups : flags.warmups.map((text) => parseWarmup(text, flagOrigin('--warmup', text))),
    checkpoint: { engine: 'auto', gc: 'full', callbacks: 'auto', ...checkpoint },
    restore: withoutContradiction({ with: 'auto', fallback: 'cold', ...restore }),
  };
}

/** The tape maps memory from the page store, as the mode `mmap` does; the other modes are criu's alone. */
function withoutContradiction(restore: RestoreSettings): RestoreSettings {
  const { with: restorer, mode } = restore;
  if (restorer !== 'tape' || mode === undefined || mode === 'mmap') return restore;
  throw CracError.of('CRAC-USAGE-FLAG', { flag: '--mode', value: mode, expected: `mmap with --with=tape; ${mode} goes with --with=criu` });
}

function parseChoices<C extends Choices>(text: string, origin: Origin, choices: C): Chosen<C> {
  const names = Object.keys(choices);
  const { flags, rest, origin: at } = readArguments(text, origin, names);
  if (rest !== '') refuse(at, 0, `${origin.name} takes flags only, not "${rest}"`, suggestFlag(rest, choices));
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = flags.choice(name, choices[name] ?? []);
      return value === undefined ? [] : [[name, value]];
    }),
  ) as Chosen<C>;
}

/** `RESTORE criu`, `CHECKPOINT engine=criu`: the flag that was meant. */
function suggestFlag(rest: string, choices: Choices): string | undefined {
  const [word = ''] = rest.split(/\s/);
  const [name] = word.replace(/^-/, '').split('=');
  if (word.includes('=') && name !== undefined && name in choices) return `Did you mean --${word.replace(/^-/, '')}?`;
  const owner = Object.entries(choices).find(([, words]) => words.includes(word));
  return owner && `Did you mean --${owner[0]}=${word}?`;
}

function checkWords<C extends Choices>(given: Readonly<Partial<Record<keyof C, string | undefined>>>, choices: C): Chosen<C> {
  const chosen: Record<string, string> = {};
  for (const [name, words] of Object.entries(choices)) {
    const value = given[name];
    if (value === undefined) continue;
    if (!words.includes(value)) {
      const near = nearest(value, words);
      const expected = words.join(', ') + (near === undefined ? '' : ` (did you mean ${near}?)`);
      throw CracError.of('CRAC-USAGE-FLAG', { flag: `--${name}`, value, expected });
    }
    chosen[name] = value;
  }
  return chosen;
}
