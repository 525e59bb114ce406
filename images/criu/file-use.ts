/** What all kinds of open files have in common. */

export interface FileBase {
  readonly id: number;
  readonly uses: readonly FileUse[];
  /** What `criu restore --inherit-fd fd[N]:KEY` calls this file, where it can be given from outside. */
  readonly inheritKey: string | undefined;
}

export type FileUse =
  | { readonly as: 'descriptor'; readonly pid: number; readonly fd: number; readonly closeOnExec: boolean }
  | {
      readonly as: 'mapping';
      readonly pid: number;
      readonly start: bigint;
      readonly end: bigint;
      readonly shared: boolean;
      readonly writable: boolean;
    }
  | { readonly as: 'cwd' | 'root' | 'exe'; readonly pid: number };
