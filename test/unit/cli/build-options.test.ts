import test from 'ava';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BuildOptions } from '../../../builder/api.js';
import { toCracError } from '../../../builder/errors.js';
import { readCommandLine } from '../../../cli/args.js';
import { readBuildOptions } from '../../../cli/commands/build-options.js';

const directory = mkdtempSync(join(tmpdir(), 'crac-build-options-'));
writeFileSync(join(directory, 'secret'), 'x');
writeFileSync(join(directory, 'vars'), 'A=file\nB="quoted" # kept\nFROM_HERE\n');
writeFileSync(join(directory, 'bad-vars'), 'A=1\n  B C=2\n');
const place = { env: { FROM_HERE: 'here', TOKEN: 't' }, cwd: directory };

async function optionsOf(...words: readonly string[]): Promise<BuildOptions> {
  const line = await readCommandLine(['build', ...words]);
  if (line.kind !== 'command' || line.name !== 'build') throw new Error('no build');
  return readBuildOptions(line.given, place);
}

test('a context, everything else as it is when nothing is said', async (t) => {
  t.deepEqual(await optionsOf('-t', 'app:warm', '.'), {
    context: { directory, buildArgs: [], noCache: false },
    tag: 'app:warm',
    pull: 'missing',
    world: { env: [], secrets: [], addHosts: [], mounts: [] },
    warmups: [],
    checkpoint: {},
    restore: {},
    envIgnore: [],
    envFrozen: [],
    agent: 'auto',
    explain: false,
    labels: [],
    verify: true,
    keepFailed: false,
  });
});

test('an image and every flag that goes with it', async (t) => {
  const words =
    `--from app:1 -t app:warm --pull never --platform linux/amd64 --env-file vars -e A=flag -e FROM_HERE -e UNSET --secret id=s,src=secret
    --secret id=t,env=TOKEN --network host --add-host db:10.0.0.1 --add-host v6=[::1] --mount type=bind,source=./data,target=/data,readonly
    --memory 1.5g --cpus .5 --user 1000:1000 --ready tcp://:8080 --engine criu --gc none --cpu native --callbacks off --with criu --mode read
    --fallback fail --env-ignore K8S_* --env-frozen SERVER_PORT --env-frozen TZ --agent off --label a=b --label empty --no-verify --keep-failed --explain --allow-secret=t`.split(
      /\s+/,
    );
  t.deepEqual(await optionsOf(...words, '--warmup', '--requests=5 GET /'), {
    from: 'app:1',
    tag: 'app:warm',
    pull: 'never',
    platform: 'linux/amd64',
    world: {
      env: [
        ['A', 'flag'],
        ['B', '"quoted" # kept'],
        ['FROM_HERE', 'here'],
      ],
      secrets: [
        { id: 's', source: join(directory, 'secret') },
        { id: 't', env: 'TOKEN', allowed: true },
      ],
      network: 'host',
      addHosts: ['db:10.0.0.1', 'v6:::1'],
      mounts: [{ type: 'bind', source: join(directory, 'data'), target: '/data', readOnly: true }],
      memoryBytes: 1.5 * 2 ** 30,
      cpus: 0.5,
      user: '1000:1000',
    },
    ready: 'tcp://:8080',
    warmups: ['--requests=5 GET /'],
    checkpoint: { engine: 'criu', gc: 'none', cpu: 'native', callbacks: 'off' },
    restore: { with: 'criu', mode: 'read', fallback: 'fail' },
    envIgnore: ['K8S_*'],
    envFrozen: ['SERVER_PORT', 'TZ'],
    agent: 'off',
    explain: true,
    labels: [
      ['a', 'b'],
      ['empty', ''],
    ],
    verify: false,
    keepFailed: true,
  });
});

test('a Dockerfile elsewhere', async (t) => {
  const { context } = await optionsOf(
    '-t',
    'a',
    '-f',
    'x/Dockerfile',
    '--target',
    'run',
    '--build-arg',
    'V=1',
    '--build-arg',
    'V=2',
    '--no-cache',
    'ctx',
  );
  t.deepEqual(context, {
    directory: join(directory, 'ctx'),
    dockerfile: join(directory, 'x/Dockerfile'),
    target: 'run',
    buildArgs: [['V', '2']],
    noCache: true,
  });
});

const refused = test.macro({
  title: (_, words: string) => `refused: ${words}`,
  exec: async (t, words: string, code: string, what: RegExp, hint?: RegExp) => {
    const error = toCracError(await t.throwsAsync(optionsOf(...words.split(' '))));
    t.is(error.code, code as typeof error.code);
    t.is(error.exit, 2);
    t.regex(error.message, what);
    if (hint) t.regex(error.hint, hint);
  },
});

const flag = 'CRAC-USAGE-FLAG';
test(refused, '.', 'CRAC-USAGE', /needs a name for the new image: -t/);
test(refused, '-t a', 'CRAC-USAGE', /or --from IMAGE/);
test(refused, '-t a -t b .', 'CRAC-USAGE', /makes one image/);
test(refused, '-t a --from b .', 'CRAC-USAGE', /not both/);
test(refused, '-t a --from b --no-cache', 'CRAC-USAGE', /--no-cache belongs to a Dockerfile/);
test(refused, '-t a --from b --build-arg x=1', 'CRAC-USAGE', /--build-arg belongs/);
test(refused, '-t a -', 'CRAC-USAGE', /standard input/);
test(refused, '-t a -f - .', 'CRAC-USAGE', /standard input/);
test(refused, '-t a --pull allways .', flag, /--pull does not take "allways"/, /did you mean always/);
test(refused, '-t a --platform linux/amd64,linux/arm64 .', flag, /--platform/, /one platform/);
test(refused, '-t a --env-frozen A_* .', flag, /--env-frozen/, /name of a variable/);
test(refused, '-t a --agent on .', flag, /--agent/, /auto, off/);
test(refused, '-t a --memory 1x .', flag, /--memory/, /512m/);
test(refused, '-t a --memory 1m .', flag, /--memory/, /at least 6m/);
test(refused, '-t a --cpus 0 .', flag, /--cpus/);
test(refused, '-t a --add-host db .', flag, /--add-host/, /NAME:ADDRESS/);
test(refused, '-t a --add-host db:nope .', flag, /--add-host/, /IP address/);
test(refused, '-t a --env =x .', flag, /--env/, /NAME=VALUE/);
test(refused, '-t a --env-file none .', flag, /--env-file/, /can be read/);
test(refused, '-t a --env-file bad-vars .', flag, /--env-file bad-vars does not take "B C"/);
test(refused, '-t a --secret id=a .', flag, /--secret/, /id=ID,src=PATH/);
test(refused, '-t a --secret id=../a,env=TOKEN .', flag, /--secret/, /letters/);
test(refused, '-t a --secret id=a,env=NOPE .', flag, /--secret/, /NOPE is not/);
test(refused, '-t a --secret id=a,src=none .', flag, /--secret/, /none/);
test(refused, '-t a --secret id=a,scr=secret .', flag, /--secret/, /did you mean src/);
test(refused, '-t a --secret id=a,env=TOKEN --secret id=a,env=TOKEN .', 'CRAC-USAGE', /twice/);
test(refused, '-t a --allow-secret b --secret id=a,env=TOKEN .', 'CRAC-USAGE', /--allow-secret=b names no --secret/);
test(refused, '-t a --mount type=bin,source=/a,target=/b .', flag, /--mount/, /bind, volume, tmpfs/);
test(refused, '-t a --mount type=bind,target=/b .', flag, /--mount/, /a source/);
test(refused, '-t a --mount type=tmpfs,source=x,target=/b .', flag, /--mount/, /no source/);
test(refused, '-t a --mount type=bind,source=/a,target=b .', flag, /--mount/, /absolute target/);
test(refused, '-t a --label =x .', flag, /--label/);
test(refused, '-t a --env-ignore a=b .', flag, /--env-ignore/);
