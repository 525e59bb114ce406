/**
 * The engine's answers: what is read of them, checked where they enter. Docker leaves out members, or sends null, where Go has an
 * empty value; Podman imitates it: so nearly all is optional, and null counts as left out. Unknown members are ignored.
 */
import * as v from 'valibot';

const text = v.nullish(v.string(), '');
const count = v.nullish(v.number(), 0);
const yes = v.nullish(v.boolean(), false);
const texts = v.nullish(v.array(v.string()), []);
const labels = v.nullish(v.record(v.string(), v.string()), {});

export const versionAnswer = v.object({
  Version: text,
  ApiVersion: v.string(),
  MinAPIVersion: text,
  Os: text,
  Arch: text,
  KernelVersion: text,
  Components: v.nullish(v.array(v.object({ Name: text, Version: text })), []),
});

export const infoAnswer = v.object({
  ID: text,
  Driver: text,
  /** Pairs of words; what a driver adds may have other shapes. */
  DriverStatus: v.nullish(v.array(v.array(v.unknown())), []),
  CgroupVersion: text,
  SecurityOptions: texts,
  KernelVersion: text,
  NCPU: count,
  MemTotal: count,
});

export const imageAnswer = v.object({
  Id: v.string(),
  RepoTags: texts,
  RepoDigests: texts,
  Os: text,
  Architecture: text,
  Variant: text,
  Config: v.nullish(v.record(v.string(), v.unknown()), {}),
  RootFS: v.nullish(v.object({ Layers: texts })),
  Size: count,
  Created: text,
});

/** The members of an image config that the builder reads; null is taken out before (docker-engine.ts). */
export const imageConfigAnswer = v.looseObject({
  User: v.optional(v.string()),
  WorkingDir: v.optional(v.string()),
  Env: v.optional(v.array(v.string())),
  Entrypoint: v.optional(v.array(v.string())),
  Cmd: v.optional(v.array(v.string())),
  ExposedPorts: v.optional(v.record(v.string(), v.unknown())),
  Volumes: v.optional(v.record(v.string(), v.unknown())),
  Labels: v.optional(v.record(v.string(), v.string())),
  StopSignal: v.optional(v.string()),
  Healthcheck: v.optional(v.record(v.string(), v.unknown())),
  Shell: v.optional(v.array(v.string())),
  OnBuild: v.optional(v.array(v.string())),
});

export const historyAnswer = v.array(v.object({ Created: count, CreatedBy: text, Size: count, Comment: text }));

export const createdAnswer = v.object({ Id: v.string() });

export const waitAnswer = v.object({ StatusCode: v.number() });

export const containerAnswer = v.object({
  Image: text,
  State: v.object({
    Status: v.picklist(['created', 'running', 'paused', 'restarting', 'removing', 'exited', 'dead']),
    Running: yes,
    ExitCode: count,
    OOMKilled: yes,
    Error: text,
    StartedAt: text,
    FinishedAt: text,
    Health: v.nullish(v.object({ Status: text })),
  }),
  Config: v.object({ Tty: yes, Labels: labels }),
  NetworkSettings: v.nullish(
    v.object({
      Networks: v.nullish(v.record(v.string(), v.nullish(v.object({ IPAddress: text }))), {}),
      Ports: v.nullish(v.record(v.string(), v.nullish(v.array(v.object({ HostPort: text })))), {}),
    }),
  ),
});

/** Kind: 0 modified, 1 added, 2 deleted. The whole answer is null where nothing changed. */
export const changesAnswer = v.nullish(v.array(v.object({ Path: v.string(), Kind: v.picklist([0, 1, 2]) })), []);

export const execAnswer = v.object({ Running: yes, ExitCode: v.nullish(v.number()) });

/** The header X-Docker-Container-Path-Stat, base64 of JSON; `mode` is Go's os.FileMode. */
export const pathStatAnswer = v.object({ name: text, size: count, mode: count, mtime: text, linkTarget: text });

export const containersAnswer = v.array(v.object({ Id: v.string(), Labels: labels, State: text }));

export const volumesAnswer = v.object({
  Volumes: v.nullish(v.array(v.object({ Name: v.string(), Labels: labels, CreatedAt: text })), []),
});

export const imagesAnswer = v.array(v.object({ Id: v.string(), RepoTags: texts, Labels: labels, Created: count }));

/** One line of the streams of load, pull, push and build. */
export const progressLine = v.object({
  stream: text,
  status: text,
  id: text,
  progressDetail: v.nullish(v.object({ current: v.nullish(v.number()), total: v.nullish(v.number()) })),
  error: text,
  errorDetail: v.nullish(v.object({ message: text })),
  aux: v.optional(v.unknown()),
});

export type ProgressLine = v.InferOutput<typeof progressLine>;

/** What a builder says of the image it made, in `aux`. */
export const builtAux = v.object({ ID: v.string() });
