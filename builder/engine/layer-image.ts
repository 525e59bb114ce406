/**
 * The archive of an image of one layer, for POST /images/load: an OCI layout with a manifest.json beside it, the one form that
 * Docker with either store and Podman load (OCI image layout specification 1.1; docker save format 1.2).
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import type { Platform } from './port.js';
import { canonicalReference } from './reference.js';
import { tarOf, type TarEntry } from './tar-entries.js';

export interface LayerImage {
  /** `NAME:TAG`. */
  readonly reference: string;
  readonly platform: Platform;
  /** The `config` member of the image config. */
  readonly config: Readonly<Record<string, unknown>>;
  /** An uncompressed layer tar. */
  readonly layer: { readonly tarPath: string; readonly digest: string; readonly sizeBytes: number };
}

/** A stream of the archive. It bears no date: two builds that load it at once must get the same image. */
export function layerImageArchive({ reference, platform, config, layer }: LayerImage): Readable {
  const imageConfig = JSON.stringify({
    os: platform.os,
    architecture: platform.architecture,
    created: '1970-01-01T00:00:00Z',
    config,
    rootfs: { type: 'layers', diff_ids: [layer.digest] },
    history: [{ created_by: 'crac-build' }],
  });
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: { mediaType: 'application/vnd.oci.image.config.v1+json', ...described(imageConfig) },
    layers: [{ mediaType: 'application/vnd.oci.image.layer.v1.tar', digest: layer.digest, size: layer.sizeBytes }],
  });
  const names = { 'io.containerd.image.name': canonicalReference(reference), 'org.opencontainers.image.ref.name': reference };
  const index = JSON.stringify({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.index.v1+json',
    manifests: [{ mediaType: 'application/vnd.oci.image.manifest.v1+json', ...described(manifest), annotations: names }],
  });
  const dockerManifest = JSON.stringify([
    { Config: blobPath(described(imageConfig).digest), RepoTags: [reference], Layers: [blobPath(layer.digest)] },
  ]);
  return tarOf([
    file('oci-layout', '{"imageLayoutVersion":"1.0.0"}'),
    file(blobPath(described(imageConfig).digest), imageConfig),
    file(blobPath(described(manifest).digest), manifest),
    file('index.json', index),
    file('manifest.json', dockerManifest),
    { header: { name: blobPath(layer.digest), size: layer.sizeBytes }, open: () => createReadStream(layer.tarPath) },
  ]);
}

const file = (name: string, text: string): TarEntry => ({ header: { name }, text });

const described = (text: string): { readonly digest: string; readonly size: number } => ({
  digest: `sha256:${createHash('sha256').update(text).digest('hex')}`,
  size: Buffer.byteLength(text),
});

const blobPath = (digest: string): string => `blobs/${digest.replace(':', '/')}`;
