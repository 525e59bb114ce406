/** The version of this package. */
import { readFileSync } from 'node:fs';

/** Read from package.json, two folders above the compiled file. */
export function readVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { readonly version: string }).version;
}
