/** The step `warm-up`: the warm-ups of the plan, in their order. */
import { open, stat } from 'node:fs/promises';
import type { Readiness } from '../dockerfile/readiness.js';
import type { ScriptWarmup, Warmup } from '../dockerfile/warmup.js';
import { CracError } from '../errors.js';
import { chooseDefaultPort, readSockets } from '../probe/listening.js';
import { describeDrive, driveRequests } from '../warmup/requests.js';
import { runScript } from '../warmup/script.js';
import type { WarmupTarget } from '../warmup/send.js';
import { parseShebang, scriptArgv, startProblem, type ScriptStart } from '../warmup/shebang.js';
import { commandSpawner, type CommandWorld } from './commands.js';
import { outDirectory } from './protocol.js';
import { emit, emitLine } from './report.js';

const scriptPath = (warmup: ScriptWarmup): string => `${outDirectory}/context/${warmup.script}`;

async function readStart(path: string): Promise<ScriptStart> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(256), 0, 256, 0);
    return parseShebang(buffer.subarray(0, bytesRead));
  } finally {
    await file.close();
  }
}

/** Refuses scripts that the image's files cannot run, before anything is started. Throws CRAC-WARMUP-SCRIPT. */
export async function checkScripts(warmups: readonly Warmup[], searchPath: string): Promise<void> {
  const exists = (file: string): Promise<boolean> =>
    stat(file).then(
      (stats) => stats.isFile(),
      () => false,
    );
  for (const warmup of warmups) {
    if (warmup.kind !== 'script') continue;
    const problem = await startProblem(await readStart(scriptPath(warmup)), { path: searchPath, exists });
    if (problem !== null) throw CracError.of('CRAC-WARMUP-SCRIPT', { script: warmup.script, message: problem });
  }
}

/** Where requests go: where readiness was asked, else the first listening port. */
export async function findTarget(readiness: Readiness, exposed: readonly number[], text: string): Promise<WarmupTarget> {
  if (readiness.kind === 'http')
    return { scheme: readiness.scheme, port: readiness.port, ...(readiness.host !== undefined && { host: readiness.host }) };
  if (readiness.kind === 'tcp')
    return { scheme: 'http', port: readiness.port, ...(readiness.host !== undefined && { host: readiness.host }) };
  const port = chooseDefaultPort((await readSockets()).listening, exposed)?.port;
  if (port === undefined)
    throw CracError.of('CRAC-WARMUP-FAILED', { warmup: text, message: 'the application listens on no TCP port', lastLines: [] });
  return { scheme: 'http', port };
}

/** Runs all warm-ups; the first that fails ends them. Throws CRAC-WARMUP-FAILED. */
export async function runWarmups(
  warmups: readonly Warmup[],
  readiness: Readiness,
  exposed: readonly number[],
  world: CommandWorld,
  signal: AbortSignal,
): Promise<void> {
  for (const warmup of warmups) {
    if (warmup.kind === 'requests') {
      const target = await findTarget(readiness, exposed, warmup.text);
      const result = await driveRequests(warmup, target, {
        signal,
        onProgress: ({ requests, total }) => {
          emit({
            type: 'progress',
            step: 'warm-up',
            detail: `${warmup.method} ${warmup.path}: ${requests}${total === undefined ? '' : ` of ${total}`} requests`,
          });
        },
      });
      emit({ type: 'notice', step: 'warm-up', text: `${warmup.method} ${warmup.path}: ${describeDrive(result)}` });
      continue;
    }
    const argv =
      warmup.kind === 'script' ? scriptArgv(await readStart(scriptPath(warmup)), scriptPath(warmup), warmup.argv.slice(1)) : warmup.argv;
    const { seconds } = await runScript(warmup, {
      spawn: commandSpawner(world),
      argv,
      signal,
      onLine: (stream, line) => {
        emitLine('warm-up', 'script', stream, line);
      },
    });
    emit({ type: 'notice', step: 'warm-up', text: `${warmup.text}: done in ${seconds.toFixed(1)} s` });
  }
}
