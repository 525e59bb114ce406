/** The flags of each command: one table for the parser, the help's test and the suggestions. */

/** `text`: takes a value, the last one counts. `texts`: takes a value, repeats. `on`: is there or not. */
export type FlagKind = 'text' | 'texts' | 'on';

export interface FlagSpec {
  readonly kind: FlagKind;
  readonly short?: string;
}

export type FlagTable = Readonly<Record<string, FlagSpec>>;

/** What a container is started with: as docker run has it. */
export const startFlags = {
  env: { kind: 'texts', short: 'e' },
  'env-file': { kind: 'texts' },
  network: { kind: 'text' },
  'add-host': { kind: 'texts' },
  mount: { kind: 'texts' },
  memory: { kind: 'text', short: 'm' },
  cpus: { kind: 'text' },
  user: { kind: 'text', short: 'u' },
} as const satisfies FlagTable;

const output = { json: { kind: 'on' }, progress: { kind: 'text' } } as const satisfies FlagTable;

export const everywhere = { help: { kind: 'on', short: 'h' }, version: { kind: 'on' } } as const satisfies FlagTable;

export const buildFlags = {
  tag: { kind: 'texts', short: 't' },
  from: { kind: 'text' },
  file: { kind: 'text', short: 'f' },
  target: { kind: 'text' },
  'build-arg': { kind: 'texts' },
  'no-cache': { kind: 'on' },
  platform: { kind: 'text' },
  pull: { kind: 'text' },
  label: { kind: 'texts' },
  ...startFlags,
  secret: { kind: 'texts' },
  'allow-secret': { kind: 'texts' },
  ready: { kind: 'text' },
  warmup: { kind: 'texts' },
  engine: { kind: 'text' },
  gc: { kind: 'text' },
  cpu: { kind: 'text' },
  callbacks: { kind: 'text' },
  with: { kind: 'text' },
  mode: { kind: 'text' },
  fallback: { kind: 'text' },
  agent: { kind: 'text' },
  'env-ignore': { kind: 'texts' },
  'env-frozen': { kind: 'texts' },
  explain: { kind: 'on' },
  'no-verify': { kind: 'on' },
  'keep-failed': { kind: 'on' },
  'dry-run': { kind: 'on' },
  'metadata-file': { kind: 'text' },
  iidfile: { kind: 'text' },
  ...output,
} as const satisfies FlagTable;

export const verifyFlags = { ...startFlags, ...output } as const satisfies FlagTable;
export const benchFlags = {
  runs: { kind: 'text' },
  'no-base': { kind: 'on' },
  'page-cache': { kind: 'text' },
  replicas: { kind: 'text' },
  plot: { kind: 'text' },
  ...startFlags,
  ...output,
} as const satisfies FlagTable;
export const inspectFlags = { pages: { kind: 'on' }, tape: { kind: 'on' }, ...output } as const satisfies FlagTable;

/** Name of a command → its flags and the name of its argument; `many`: of which there may be several. */
export const commands = {
  build: { flags: buildFlags, argument: 'context' },
  verify: { flags: verifyFlags, argument: 'image' },
  bench: { flags: benchFlags, argument: 'image', many: true },
  inspect: { flags: inspectFlags, argument: 'image' },
} as const satisfies Readonly<Record<string, { readonly flags: FlagTable; readonly argument: string; readonly many?: true }>>;

export type CommandName = keyof typeof commands;

export const commandNames = Object.keys(commands) as readonly CommandName[];

type NamesOf<T extends FlagTable, K extends FlagKind> = { [N in keyof T]: T[N]['kind'] extends K ? N : never }[keyof T];

/** The flags that were given to a command, by kind. */
export class Given<T extends FlagTable> {
  readonly #values: Readonly<Record<string, unknown>>;
  /** CONTEXT or IMAGE; the first where there are several. */
  readonly argument: string | undefined;
  /** All of them. */
  readonly all: readonly string[];

  constructor(values: Readonly<Record<string, unknown>>, all: readonly string[]) {
    this.#values = values;
    this.argument = all[0];
    this.all = all;
  }

  /** The last value given. */
  text(name: NamesOf<T, 'text'>): string | undefined {
    return this.#list(name).at(-1);
  }

  /** All values given, in order. */
  texts(name: NamesOf<T, 'texts'>): readonly string[] {
    return this.#list(name);
  }

  on(name: NamesOf<T, 'on'>): boolean {
    const value = this.#values[name as string];
    return Array.isArray(value) ? value.at(-1) === true : value === true;
  }

  #list(name: keyof T): readonly string[] {
    const value = this.#values[name as string];
    if (value === undefined) return [];
    return (Array.isArray(value) ? value : [value]).map(String);
  }
}
