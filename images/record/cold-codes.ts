/**
 * Why a container started cold. crac-init prints `crac-build: cold start: CODE: reason`; codes are never renamed. This table is
 * the only source: `templates/init/format.gen.h` and `docs/record.md` are generated from it.
 */
export const coldCodes = {
  'COLD-OFF': 'CRAC_BUILD_RESTORE=off asked for it.',
  'COLD-RECORD': 'The record of the checkpoint cannot be read, or is damaged.',
  'COLD-VERSION': 'The record was written for another version of crac-init.',
  'COLD-ARGUMENTS': 'The container runs another command than the one that was checkpointed.',
  'COLD-USER': 'The container runs as another user or group.',
  'COLD-DIRECTORY': 'The container starts in another working directory.',
  'COLD-ENVIRONMENT': 'Variables of the environment differ from those of the build.',
  'COLD-JVM-OPTIONS': 'A variable with options of the JVM differs from that of the build.',
  'COLD-CPU': 'The CPU lacks features which the application may be using, or has more XSAVE state than it can save.',
  'COLD-MEMORY': 'The memory limit of the container is below what the restore needs.',
  'COLD-CLOCK': 'The clock of the host is behind that of the checkpoint; the application would see time run backwards.',
  'COLD-PIDS': 'A process or thread ID of the application is taken.',
  'COLD-CHECKPOINT-FILE': 'A file of the checkpoint is missing or has another size.',
  'COLD-FILE-CHANGED': 'A file which the application had open has changed since the checkpoint.',
  'COLD-CARRY': 'A file which the application had made outside the image could not be made again.',
  'COLD-RIGHTS': 'The container lacks a right which the restorer needs.',
  'COLD-RESTORE': 'The restorer failed; the reason is the last meaningful line of its log.',
  'COLD-MEMORY-LOST': 'In mode lazy, the process that brought the memory failed before all was there.',
  'COLD-DEADLINE': 'The restore took longer than its deadline.',
} as const;

export type ColdCode = keyof typeof coldCodes;

/** Narrows text, for example of a trace line, to a known code. */
export function isColdCode(text: string): text is ColdCode {
  return Object.hasOwn(coldCodes, text);
}

/** Exit status of crac-init instead of a cold start where the record says `fallback: fail` (EX_CONFIG of sysexits.h). */
export const failExitStatus = 78;
