/** Compiles the C programs of `native/` for this machine, with the pure parts of crac-init and under sanitizers. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';

const root = join(import.meta.dirname, '../../../../..');
const programs = join(root, 'test/unit/templates/init/native');
export const initSources = join(root, 'templates/init');

const flags = [
  ...['-std=c11', '-g', '-O1', '-fsanitize=address,undefined', '-fno-sanitize-recover=all'],
  ...['-Wall', '-Wextra', '-Werror', '-Wno-unused-function'],
];

const tapeParts = ['tape', 'tape_arguments', 'tape_calls', 'tape_memory', 'tape_process', 'tape_steps'];
/** All that makes no system call. */
const pureParts = [
  'strings',
  'text',
  'numbers',
  'glob',
  'record',
  'environment',
  'options',
  'address',
  'criu_log',
  'checksum',
  ...tapeParts,
];

export interface Native {
  readonly directory: string;
  /** The path of a program made of one file of `native/` and the pure parts. */
  readonly compile: (name: string) => Promise<string>;
  /** The path of a program made of these files, paths or options, and of nothing else. */
  readonly compileOnly: (name: string, parts: readonly string[]) => Promise<string>;
  readonly remove: () => Promise<void>;
}

/** A temporary directory for compiled programs; the caller removes it. */
export async function makeNative(): Promise<Native> {
  const directory = await mkdtemp(join(tmpdir(), 'crac-build-native-'));
  const sources = pureParts.map((part) => join(initSources, `${part}.c`));
  await execa('gcc', [...flags, '-c', ...sources], { cwd: directory });
  const compileOnly = async (name: string, parts: readonly string[]): Promise<string> => {
    const program = join(directory, name);
    await execa('gcc', [...flags, ...parts, join(programs, `${name}.c`), '-o', program], { cwd: programs });
    return program;
  };
  return {
    directory,
    compileOnly,
    compile: async (name) =>
      compileOnly(
        name,
        pureParts.map((part) => join(directory, `${part}.o`)),
      ),
    remove: async () => rm(directory, { recursive: true, force: true }),
  };
}
