/** What an engine is, read from GET /version and GET /info. */
import type * as v from 'valibot';
import type { infoAnswer, versionAnswer } from './answers.js';
import type { EngineCapabilities } from './port.js';

export type Version = v.InferOutput<typeof versionAnswer>;
type Info = v.InferOutput<typeof infoAnswer>;

export function readCapabilities(version: Version, info: Info): EngineCapabilities {
  const podman = isPodman(version);
  const securityOptions = info.SecurityOptions.map((option) => /^(?:name=)?([^,]+)/.exec(option)?.[1] ?? option);
  return {
    name: podman ? 'podman' : 'docker',
    version: plainVersion(version),
    apiVersion: version.ApiVersion,
    id: info.ID,
    platform: { os: version.Os, architecture: goArchitecture(version.Arch) },
    store: info.DriverStatus.some(([key, value]) => key === 'driver-type' && String(value).includes('containerd')) ? 'containerd' : 'graph',
    cgroupVersion: info.CgroupVersion === '2' ? 2 : 1,
    securityOptions,
    rootless: securityOptions.includes('rootless'),
    buildkit: !podman && version.Os === 'linux',
    kernel: info.KernelVersion === '' ? version.KernelVersion : info.KernelVersion,
    cpus: info.NCPU,
    memoryBytes: info.MemTotal,
  };
}

/** Compares versions of the form `1.41`: negative when `a` is older. An empty one is the oldest. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [a, b].map((text) => text.split('.').map((part) => Number.parseInt(part, 10) || 0));
  for (let index = 0; index < 3; index++) {
    const difference = (left?.[index] ?? 0) - (right?.[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

export function isPodman(version: Version): boolean {
  return version.Components.some(({ Name: name }) => /podman/i.test(name));
}

/** Without what a distribution adds: `20.10.24+dfsg1` is 20.10.24. */
export function plainVersion(version: Version): string {
  return version.Version.replace(/[+~-].*$/, '');
}

/** Podman and the kernel's names as OCI has them. */
function goArchitecture(name: string): string {
  return { x86_64: 'amd64', aarch64: 'arm64' }[name] ?? name;
}
