/** Sizes and times for people. */
import prettyBytes from 'pretty-bytes';
import prettyMs from 'pretty-ms';

/** 1.37 GiB, 113 MiB, 0 B. */
export function formatBytes(bytes: number): string {
  return prettyBytes(bytes, { binary: true });
}

/** Three digits where there are any: 4.2 ms, 142 ms, 3.21 s, 1m 3s. */
export function formatMs(ms: number): string {
  if (ms < 9.95) return `${ms.toFixed(1)} ms`;
  if (ms < 999.5) return `${ms.toFixed(0)} ms`;
  if (ms < 9_995) return `${(ms / 1000).toFixed(2)} s`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`;
  return prettyMs(ms, { secondsDecimalDigits: 0 });
}

/** Time of a step: 0.2 s, 12.3 s, 1m 3s. */
export function formatStepMs(ms: number): string {
  return ms < 59_950 ? `${(ms / 1000).toFixed(1)} s` : prettyMs(ms, { secondsDecimalDigits: 0 });
}

/** The first twelve digits of a digest, as Docker shows it. */
export function shortDigest(digest: string): string {
  return digest.replace(/^sha256:/, '').slice(0, 12);
}
