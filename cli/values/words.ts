/** Flags whose values are words of a small grammar. */
import { isIP } from 'node:net';
import { nearest } from '../../builder/dockerfile/nearest.js';
import { CracError } from '../../builder/errors.js';

/** One of a few words. Throws CRAC-USAGE-FLAG with the nearest of them. */
export function parseChoice<T extends string>(flag: string, text: string, choices: readonly T[]): T {
  const found = choices.find((choice) => choice === text);
  if (found !== undefined) return found;
  const near = nearest(text, choices);
  const expected = choices.join(', ') + (near === undefined ? '' : ` (did you mean ${near}?)`);
  throw CracError.of('CRAC-USAGE-FLAG', { flag, value: text, expected });
}

/** NAME:ADDRESS or NAME=ADDRESS, with an IP address (IPv6 also in brackets) or `host-gateway`; returned as NAME:ADDRESS. */
export function parseHost(flag: string, text: string): string {
  const match = /^([^\s:=]+)[:=](.+)$/.exec(text);
  const address = match?.[2]?.replace(/^\[(.*)\]$/, '$1') ?? '';
  if (!match || (address !== 'host-gateway' && isIP(address) === 0)) {
    throw CracError.of('CRAC-USAGE-FLAG', { flag, value: text, expected: 'NAME:ADDRESS with an IP address or host-gateway' });
  }
  return `${match[1] ?? ''}:${address}`;
}

/** OS/ARCH or OS/ARCH/VARIANT, one of them: a checkpoint belongs to one platform. */
export function parsePlatform(flag: string, text: string): string {
  if (/^[a-z0-9]+\/[a-z0-9_]+(\/[a-z0-9.]+)?$/.test(text)) return text;
  const expected = text.includes(',') ? 'one platform: a checkpoint belongs to one' : 'OS/ARCH, such as linux/amd64';
  throw CracError.of('CRAC-USAGE-FLAG', { flag, value: text, expected });
}

/** A value without white space, such as a user or a network. */
export function parseWord(flag: string, text: string, expected: string): string {
  if (/^\S+$/.test(text)) return text;
  throw CracError.of('CRAC-USAGE-FLAG', { flag, value: text, expected });
}
