/** What `--help` prints: each text fits 80 columns and 40 lines, and ends with examples. A test compares them with the flags. */
import type { CommandName } from './flags.js';

const general = `Usage: crac-build COMMAND [FLAGS]

Bakes a warm, checkpointed JVM into a container image: starting a container
of it is a restore.

Commands:
  build     make such an image, from a Dockerfile or from an image
  verify    start a container of it and see that it restores and answers
  bench     time cold and restored starts, and what memory they take
  inspect   show layers, record and restorer of an image

  -h, --help    help, also of a command: crac-build build --help
  --version     the version of crac-build

CRAC_BUILD_DEBUG=1 adds stack traces to errors. Exit status: 0 done, 1 it did
not work, 2 wrong use, 130 and 143 cancelled.

Examples:
  crac-build build -t app:warm .
  crac-build bench app:warm
`;

const texts: Readonly<Record<CommandName, string>> = {
  build: `Usage: crac-build build [FLAGS] CONTEXT | --from IMAGE

Makes an image whose start is a restore of the application, warmed up.

  -t, --tag NAME[:TAG]    name of the image to make; needed
      --from IMAGE        the application's image, in place of a CONTEXT
  -f, --file PATH         Dockerfile; default: CONTEXT/Dockerfile
      --target STAGE, --build-arg NAME[=VALUE], --no-cache, --platform OS/ARCH
      --pull POLICY       missing (default), always, never
      --label NAME=VALUE  label of the new image
The build container's world (nothing of it gets into the image's config):
  -e, --env NAME[=VALUE], --env-file PATH, --secret id=ID,src=PATH|env=NAME
      --allow-secret ID, --network NAME, --add-host NAME:ADDRESS
      --mount type=bind|volume|tmpfs,source=SOURCE,target=PATH[,readonly]
  -m, --memory SIZE, --cpus NUMBER, -u, --user USER[:GROUP]
Instead of the instructions READY, WARMUP, CHECKPOINT, RESTORE:
      --ready TEXT        http://:PORT/PATH, tcp://:PORT, log:REGEX, ["cmd"]
      --warmup TEXT       such as 'GET /path', or a script; repeats, in order
      --engine auto|criu|crac, --gc full|none, --callbacks auto|on|off
      --cpu x86-64-v2|x86-64-v3|x86-64-v4|native
      --with auto|tape|criu, --mode mmap|lazy|read, --fallback cold|fail
      --env-ignore GLOB   variables whose value at a start does not matter
      --env-frozen NAME   a start with another value is cold; --agent auto|off
How it is done, and what is said:
      --no-verify         leave out the trial restore of the new image
      --keep-failed       leave the build container when the build fails
      --explain           tell which class opened what prevents the checkpoint
      --dry-run           show what would be done
      --metadata-file PATH, --iidfile PATH, --json
      --progress MODE     auto (default), plain, tty, rawjson, quiet
Examples:
  crac-build build -t app:warm .
  crac-build build --from app:1 -t app:warm --ready http://:8080/health \\
    --warmup '--requests=2000 GET /todos'
`,
  verify: `Usage: crac-build verify [FLAGS] IMAGE

Starts a fresh container of IMAGE with the rights it lists, sees that it
restores and is ready, and removes it. Exit status 1 where it started cold.

The container's world, as docker run has it (what the build was given):
  -e, --env NAME[=VALUE], --env-file PATH, -u, --user USER[:GROUP]
      --network NAME, --add-host NAME:ADDRESS, -m, --memory SIZE, --cpus NUMBER
      --mount type=bind|volume|tmpfs,source=SOURCE,target=PATH[,readonly]
How it is told:
      --json            print the result as JSON
      --progress MODE   auto (default), plain, tty, rawjson, quiet
  -h, --help

Examples:
  crac-build verify app:warm
  crac-build verify --env-file app.env --mount source=data,target=/data app:warm
`,
  bench: `Usage: crac-build bench [FLAGS] IMAGE...

Times starts of IMAGE, cold and restored in turn, from the container's first
instruction to the first good answer, and reads what memory they take then.
Several images are measured in the same rounds, and shown side by side.

      --runs N          starts of each kind; default: 15
      --no-base         do not time the image it was made from
      --page-cache warm|cold
                        cold: what containers of the image read is taken out of
                        the page cache before each start
      --replicas N      also start N containers together, once a round, and add
                        up what memory they take when all have answered
      --plot FILE       write a picture as well, as SVG
The containers' world, as docker run has it (what the build was given):
  -e, --env NAME[=VALUE], --env-file PATH, -u, --user USER[:GROUP]
      --network NAME, --add-host NAME:ADDRESS, -m, --memory SIZE, --cpus NUMBER
      --mount type=bind|volume|tmpfs,source=SOURCE,target=PATH[,readonly]
How it is told:
      --json            print the measurement as JSON
      --progress MODE   auto (default), plain, tty, rawjson, quiet
  -h, --help

Examples:
  crac-build bench app:warm
  crac-build bench --runs 5 --replicas 8 --plot bench.svg app:read app:mmap
`,
  inspect: `Usage: crac-build inspect [FLAGS] IMAGE

Shows what crac-build put into IMAGE: layers by role, the record of the
checkpoint, the restorer, sizes, and the command that starts it.

      --pages           what became of the pages of memory, by kind
      --tape            the restore tape, step by step
      --json            print it as JSON
      --progress MODE   auto (default), plain, tty, rawjson, quiet
  -h, --help

Examples:
  crac-build inspect app:warm
  crac-build inspect --pages app:warm
  crac-build inspect --json app:warm
`,
};

export function helpText(command: CommandName | null): string {
  return command === null ? general : texts[command];
}
