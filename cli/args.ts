/**
 * The command line as a value. Words are taken as Docker takes them: a flag with a value takes the next word whatever it begins
 * with (`--warmup '--requests=9 GET /'`), `--name=value`, `-tvalue` and `-t value` are the same, `--` ends the flags.
 */
import yargs, { type Options } from 'yargs';
import { CracError } from '../builder/errors.js';
import { nearest } from '../builder/dockerfile/nearest.js';
import { commandNames, commands, everywhere, Given, type CommandName, type FlagSpec, type FlagTable } from './flags.js';

export type CommandLine =
  | { readonly kind: 'help'; readonly command: CommandName | null }
  | { readonly kind: 'version' }
  | {
      readonly [N in CommandName]: {
        readonly kind: 'command';
        readonly name: N;
        readonly given: Given<(typeof commands)[N]['flags']>;
      };
    }[CommandName];

const allFlags: ReadonlyMap<string, FlagSpec> = new Map(
  [everywhere, ...Object.values(commands).map((command) => command.flags)].flatMap((table: FlagTable) => Object.entries(table)),
);
const longOf: ReadonlyMap<string, string> = new Map(
  [...allFlags].flatMap(([name, spec]) => (spec.short === undefined ? [] : [[spec.short, name]])),
);

/** Reads the words after the program's name. Throws CRAC-USAGE. */
export async function readCommandLine(argv: readonly string[]): Promise<CommandLine> {
  const words = normalize(argv);
  const parser = yargs()
    .scriptName('crac-build')
    .locale('en')
    .help(false)
    .version(false)
    .exitProcess(false)
    .strict()
    .options(optionsOf(everywhere))
    .parserConfiguration({
      'boolean-negation': false,
      'camel-case-expansion': false,
      'dot-notation': false,
      'parse-numbers': false,
      'parse-positional-numbers': false,
      'greedy-arrays': false,
    })
    .fail((message, error: Error | undefined) => {
      throw error instanceof CracError ? error : usage(explain(message || (error?.message ?? ''), words));
    });
  for (const [name, command] of Object.entries(commands)) {
    const argument = `${command.argument}${takesMany(name as CommandName) ? '..' : ''}`;
    parser.command(`${name} [${argument}]`, false, (y) =>
      y.positional(command.argument, { type: 'string' }).options(optionsOf(command.flags)),
    );
  }
  const values: Readonly<Record<string, unknown>> = await parser.parseAsync(words);
  // With numbers left as they are, the parser's words are strings.
  const [first, ...rest] = values['_'] as readonly string[];
  const name = first === undefined ? null : (first as CommandName);
  if (values['version'] === true) return { kind: 'version' };
  if (values['help'] === true) return { kind: 'help', command: name };
  if (name === null) throw usage(`no command is given: ${commandNames.join(', ')}`);
  // What follows `--` is in `rest` even where it is the argument.
  const named = values[commands[name].argument] as string | readonly string[] | undefined;
  const all = named === undefined ? rest : [named, ...rest].flat();
  const extra = takesMany(name) ? undefined : all[1];
  if (extra !== undefined) throw usage(`${name} does not take "${extra}": one ${commands[name].argument} only`);
  return { kind: 'command', name, given: new Given(values, all) } as CommandLine;
}

function takesMany(name: CommandName): boolean {
  return 'many' in commands[name];
}

function optionsOf(table: FlagTable): Record<string, Options> {
  return Object.fromEntries(
    Object.entries(table).map(([name, { kind, short }]) => [
      name,
      { ...(kind === 'on' ? { boolean: true } : { string: true, requiresArg: true }), ...(short !== undefined && { alias: short }) },
    ]),
  );
}

function usage(message: string): CracError {
  return CracError.of('CRAC-USAGE', { message });
}

/** Puts each value behind its flag with an equals sign, so that the parser cannot take it for a flag. */
function normalize(argv: readonly string[]): string[] {
  const words: string[] = [];
  for (let at = 0; at < argv.length; at++) {
    const word = argv[at] ?? '';
    const end = word === '--' ? argv.slice(at) : [];
    if (word === '-' || end.includes('-')) throw usage('nothing is read from standard input: "-" is no name');
    if (end.length > 0) return [...words, ...end];
    const flag = readFlag(word);
    const spec = flag && allFlags.get(flag.name);
    if (!flag || !spec) {
      words.push(word);
    } else if (spec.kind === 'on') {
      if (flag.value !== undefined && flag.value !== 'true' && flag.value !== 'false') throw usage(`--${flag.name} takes no value`);
      words.push(flag.value === undefined ? `--${flag.name}` : `--${flag.name}=${flag.value}`);
    } else {
      const value = flag.value ?? argv[++at];
      if (value === undefined || value === '') throw usage(`--${flag.name} needs a value`);
      words.push(`--${flag.name}=${value}`);
    }
  }
  return words;
}

function readFlag(word: string): { name: string; value: string | undefined } | null {
  const long = /^--([^=]+)(?:=([\s\S]*))?$/.exec(word);
  if (long) return { name: long[1] ?? '', value: long[2] };
  const short = /^-([A-Za-z])([\s\S]*)$/.exec(word);
  const name = longOf.get(short?.[1] ?? '');
  if (!short || name === undefined) return null;
  const rest = short[2] ?? '';
  return { name, value: rest === '' ? undefined : rest.replace(/^=/, '') };
}

/** The parser's words in ours: "Unknown argument: x" and "Unknown arguments: x, y" are all that it finds (yargs 18, en.json). */
function explain(message: string, words: readonly string[]): string {
  const unknown = /^Unknown arguments?: (.+)$/s.exec(message)?.[1];
  if (unknown === undefined) return message;
  const command = words.find((word) => word in commands) as CommandName | undefined;
  const isFlag = (name: string) => words.some((word) => word.startsWith('-') && word.replace(/^--?/, '').split('=')[0] === name);
  const names = unknown.split(', ');
  const flags = names.filter(isFlag);
  if (flags.length > 0) {
    const known = Object.keys({ ...everywhere, ...(command && commands[command].flags) });
    const said = flags.map((name) => {
      const near = nearest(name, known);
      return `${dashed(name)}${near === undefined ? '' : ` (did you mean --${near}?)`}`;
    });
    return `${command ?? 'crac-build'} has no flag ${said.join(', ')}`;
  }
  const [word = ''] = names;
  if (command !== undefined) return `${command} does not take "${word}": one ${commands[command].argument} only`;
  const near = nearest(word, commandNames);
  return `there is no command "${word}"${near === undefined ? `, only ${commandNames.join(', ')}` : `; did you mean ${near}?`}`;
}

function dashed(name: string): string {
  return name.length === 1 ? `-${name}` : `--${name}`;
}
