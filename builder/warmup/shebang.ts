/** How a script is started: what its first line says, and whether the application's image has that. */

/** Linux reads this much of a file to find its interpreter (BINPRM_BUF_SIZE, fs/binfmt_script.c). */
const bufferBytes = 256;

export type ScriptStart =
  /** `#!INTERPRETER [ARGUMENT]`: the rest of the line is one argument. */
  | { readonly kind: 'interpreter'; readonly interpreter: string; readonly argument?: string }
  /** An ELF program. */
  | { readonly kind: 'program' }
  /** No `#!` line: shells run such a file with /bin/sh. */
  | { readonly kind: 'none' };

/**
 * Reads the beginning of a file as execve(2) does. A line end of Windows stays part of the interpreter's name, as in the kernel.
 */
export function parseShebang(bytes: Uint8Array): ScriptStart {
  const head = Buffer.from(bytes.subarray(0, bufferBytes)).toString('latin1');
  if (head.startsWith('\x7fELF')) return { kind: 'program' };
  if (!head.startsWith('#!')) return { kind: 'none' };
  const [line = ''] = head.slice(2).split('\n', 1);
  const match = /^[ \t]*([^ \t\0]+)[ \t]*(.*?)[ \t]*$/.exec(line.split('\0', 1)[0] ?? '');
  if (!match) return { kind: 'none' };
  const argument = match[2] ?? '';
  return { kind: 'interpreter', interpreter: match[1] ?? '', ...(argument !== '' && { argument }) };
}

/** The words that start a script at `path`; the script need not be executable. */
export function scriptArgv(start: ScriptStart, path: string, args: readonly string[]): readonly string[] {
  switch (start.kind) {
    case 'program':
      return [path, ...args];
    case 'none':
      return ['/bin/sh', path, ...args];
    case 'interpreter':
      return [start.interpreter, ...(start.argument === undefined ? [] : [start.argument]), path, ...args];
  }
}

/** Files of the application's image. */
export interface ImageFiles {
  /** The PATH of its environment. */
  readonly path: string;
  /** Whether an absolute path is a file in it. */
  readonly exists: (file: string) => Promise<boolean>;
}

/** Why a script cannot be started with the image's files; null where it can. */
export async function startProblem(start: ScriptStart, files: ImageFiles): Promise<string | null> {
  if (start.kind === 'program') return null;
  const interpreter = start.kind === 'none' ? '/bin/sh' : start.interpreter;
  const because = start.kind === 'none' ? ' (the script has no #! line)' : '';
  if (interpreter.endsWith('\r')) return 'its first line ends as on Windows (CR LF): save it with Unix line ends';
  if (!interpreter.startsWith('/')) return `its #! line names ${interpreter}, which is no absolute path`;
  if (!(await files.exists(interpreter))) return `the application's image has no ${interpreter}${because}`;
  const name = start.kind === 'interpreter' ? envName(start) : null;
  if (name === null || name.includes('/')) return null;
  for (const directory of files.path.split(':')) {
    if (await files.exists(`${directory === '' ? '.' : directory}/${name}`)) return null;
  }
  return `the application's image has no ${name} on its PATH (${files.path})`;
}

/** The command that env(1) looks up: `#!/usr/bin/env NAME`, `#!/usr/bin/env -S NAME ARGUMENTS`. */
function envName({ interpreter, argument = '' }: { interpreter: string; argument?: string }): string | null {
  if (!/(^|\/)env$/.test(interpreter)) return null;
  const words = argument.replace(/^-S[ \t]*/, '').split(/[ \t]+/);
  return words.find((word) => !word.startsWith('-') && !word.includes('=')) ?? null;
}
