/** A container spec in the words of POST /containers/create (Docker API 1.41, which Podman understands as well). */
import type { ContainerMount, ContainerSpec } from './port.js';

/** The request's body. What the spec leaves out is left out here, so that image and engine decide. */
export function containerRequest(spec: ContainerSpec): Readonly<Record<string, unknown>> {
  const ports = [...(spec.exposedPorts ?? []), ...Object.keys(spec.publish ?? {})];
  return defined({
    Image: spec.image,
    Entrypoint: spec.entrypoint,
    Cmd: spec.command,
    Env: spec.env,
    User: spec.user,
    WorkingDir: spec.workingDir,
    Hostname: spec.hostname,
    Labels: spec.labels,
    Tty: spec.tty,
    OpenStdin: spec.openStdin,
    // Without it the first client that goes away leaves standard input open for ever.
    StdinOnce: spec.openStdin,
    AttachStdin: spec.openStdin,
    AttachStdout: true,
    AttachStderr: true,
    StopSignal: spec.stopSignal,
    Healthcheck: spec.healthcheck === 'none' ? { Test: ['NONE'] } : undefined,
    ExposedPorts: ports.length > 0 ? Object.fromEntries(ports.map((port) => [port, {}])) : undefined,
    HostConfig: defined({
      NetworkMode: spec.networkMode,
      ExtraHosts: spec.extraHosts,
      Mounts: spec.mounts?.map(mountRequest),
      CapAdd: spec.capAdd,
      CapDrop: spec.capDrop,
      SecurityOpt: spec.securityOpt,
      CgroupnsMode: spec.cgroupns,
      PidMode: spec.pidMode,
      IpcMode: spec.ipcMode,
      MaskedPaths: spec.maskedPaths,
      ReadonlyPaths: spec.readonlyPaths,
      ReadonlyRootfs: spec.readonlyRootfs,
      Memory: spec.memoryBytes,
      // Without it the engine gives as much swap on top, and the limit is none.
      MemorySwap: spec.memoryBytes,
      NanoCpus: spec.nanoCpus,
      PidsLimit: spec.pidsLimit,
      Ulimits: spec.ulimits?.map(({ name, soft, hard }) => ({ Name: name, Soft: soft, Hard: hard })),
      Init: spec.init,
      LogConfig: spec.logDriver === undefined ? undefined : { Type: spec.logDriver, Config: spec.logOptions ?? {} },
      RestartPolicy: spec.restart === undefined ? undefined : { Name: spec.restart },
      PortBindings:
        spec.publish && Object.fromEntries(Object.entries(spec.publish).map(([port, host]) => [port, [{ HostPort: String(host) }]])),
    }),
  });
}

function mountRequest(mount: ContainerMount): Readonly<Record<string, unknown>> {
  return defined({
    Type: mount.type,
    Source: mount.source,
    Target: mount.target,
    ReadOnly: mount.readOnly,
    VolumeOptions: mount.type === 'volume' ? defined({ NoCopy: mount.copy === false ? true : undefined, Labels: mount.labels }) : undefined,
    TmpfsOptions: mount.type === 'tmpfs' && mount.sizeBytes !== undefined ? { SizeBytes: mount.sizeBytes } : undefined,
  });
}

function defined(members: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
}
