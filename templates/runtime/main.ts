/** Command line of the assembly, called by the build: `node main.js assemble|locks --NAME VALUE …`. Says what it did on standard output. */
import { parseArgs } from 'node:util';

import { assembleRuntime } from './assemble.js';
import { SetupProblem } from './problem.js';
import { renewLocks } from './renew.js';

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    locks: { type: 'string' },
    cache: { type: 'string' },
    init: { type: 'string' },
    buildInit: { type: 'string' },
    relay: { type: 'string' },
    agent: { type: 'string' },
    step: { type: 'string' },
    node: { type: 'string' },
    licence: { type: 'string' },
    version: { type: 'string' },
    output: { type: 'string' },
  },
});

function need(name: keyof typeof values): string {
  const value = values[name];
  if (value === undefined) throw new SetupProblem(`--${name} is missing`, 'This program is called by scripts/run.mjs.');
  return value;
}

async function main(signal: AbortSignal): Promise<void> {
  if (positionals[0] === 'locks') {
    for (const line of await renewLocks({ locks: need('locks'), cacheDirectory: need('cache'), nodePackage: need('node') }, signal))
      console.log(line);
    return;
  }
  const { manifest, upToDate } = await assembleRuntime(
    {
      locks: need('locks'),
      cacheDirectory: need('cache'),
      init: need('init'),
      buildInit: need('buildInit'),
      relay: need('relay'),
      agent: need('agent'),
      step: need('step'),
      nodePackage: need('node'),
      licence: need('licence'),
      version: need('version'),
      output: need('output'),
    },
    signal,
  );
  const mebibytes = (bytes: number): string => `${(bytes / 1048576).toFixed(1)} MiB`;
  console.log(
    upToDate
      ? 'up to date'
      : `CRIU ${manifest.criuVersion}, layers ${mebibytes(manifest.layers.tape.sizeBytes)} (tape) and ${mebibytes(manifest.layers.criu.sizeBytes)} (criu), build parts ${mebibytes(manifest.build.sizeBytes)}`,
  );
}

const cancel = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const) {
  process.once(name, () => {
    cancel.abort();
  });
}
try {
  await main(cancel.signal);
} catch (error) {
  if (!(error instanceof SetupProblem)) throw error;
  console.error(`error: ${error.message}\nhint: ${error.hint}`);
  process.exitCode = 1;
}
