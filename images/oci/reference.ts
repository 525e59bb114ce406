/**
 * Image references as people write them.
 *
 *   reference      = name [ ":" tag ] [ "@" digest ]
 *   name           = [ domain "/" ] path
 *   domain         = host [ ":" port ]      a first component with "." or ":" or an upper-case letter, or "localhost"
 *   path           = component { "/" component }
 *   component      = alphanumeric { separator alphanumeric }
 *
 * Source: github.com/distribution/reference v0.6, regexp.go (the grammar) and normalize.go (what a name without a domain means).
 */
import { FormatError } from '../errors.js';
import { isDigest, type Digest } from './digest.js';

export interface Reference {
  readonly domain?: string;
  readonly path: string;
  readonly tag?: string;
  readonly digest?: Digest;
}

const alphanumeric = '[a-z0-9]+';
const separator = '(?:[._]|__|-+)';
const component = `${alphanumeric}(?:${separator}${alphanumeric})*`;
const hostLabel = '(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])';
const hostName = `${hostLabel}(?:\\.${hostLabel})*`;
const ipv6 = '\\[[a-fA-F0-9:]+\\]';
const port = ':[0-9]+';

const componentPattern = new RegExp(`^${component}$`);
const domainPattern = new RegExp(`^(?:${hostName}|${ipv6})(?:${port})?$`);
const tagPattern = /^\w[\w.-]*$/;
const imageIdPattern = /^[a-f0-9]{64}$/;

const maximumTagLength = 128;
const maximumNameLength = 255;
const defaultDomain = 'docker.io';
const legacyDefaultDomain = 'index.docker.io';
const officialPrefix = 'library/';
const defaultTag = 'latest';

/** The parts of a reference. Throws a FormatError whose message is the reason, in words for whoever typed it. */
export function parseReference(text: string): Reference {
  if (text === '') throw new FormatError('it is empty');
  if (/\s/.test(text)) throw new FormatError('it has white space');
  const { rest, digest } = splitDigest(text);
  const { name, tag } = splitTag(rest);
  const { domain, path } = splitDomain(name);
  if (domain !== undefined && !domainPattern.test(domain))
    throw new FormatError(`"${shorten(domain)}" is no host name with an optional port`);
  checkPath(path);
  if (name.length > maximumNameLength)
    throw new FormatError(`the name is ${name.length} characters long, at most ${maximumNameLength} are allowed`);
  if (domain === undefined && imageIdPattern.test(path)) throw new FormatError('64 hexadecimal digits are an image ID, not a name');
  return { ...(domain !== undefined && { domain }), path, ...(tag !== undefined && { tag }), ...(digest && { digest }) };
}

function splitDigest(text: string): { rest: string; digest?: Digest } {
  const at = text.indexOf('@');
  if (at === -1) return { rest: text };
  const digest = text.slice(at + 1);
  if (!isDigest(digest)) throw new FormatError('what follows "@" is no digest (sha256: and 64 hexadecimal digits in lower case)');
  return { rest: text.slice(0, at), digest };
}

function splitTag(text: string): { name: string; tag?: string } {
  // A colon before the last slash belongs to a port.
  const colon = text.indexOf(':', text.lastIndexOf('/') + 1);
  if (colon === -1) return { name: text };
  const tag = text.slice(colon + 1);
  if (tag === '') throw new FormatError('the tag after ":" is missing');
  if (tag.length > maximumTagLength)
    throw new FormatError(`the tag is ${tag.length} characters long, at most ${maximumTagLength} are allowed`);
  if (!tagPattern.test(tag)) {
    throw new FormatError(`the tag "${shorten(tag)}" may have only letters, digits, "_", "." and "-", and may not begin with "." or "-"`);
  }
  return { name: text.slice(0, colon), tag };
}

function splitDomain(name: string): { domain?: string; path: string } {
  const slash = name.indexOf('/');
  const first = name.slice(0, slash);
  if (slash === -1 || !(/[.:]/.test(first) || first === 'localhost' || first !== first.toLowerCase())) return { path: name };
  return { domain: first, path: name.slice(slash + 1) };
}

function checkPath(path: string): void {
  if (path === '') throw new FormatError('the name is missing');
  if (path !== path.toLowerCase()) throw new FormatError(`the name "${shorten(path)}" has upper-case letters`);
  for (const part of path.split('/')) {
    if (part === '') throw new FormatError(`the name "${shorten(path)}" has a "/" too many`);
    if (componentPattern.test(part)) continue;
    const stranger = /[^a-z0-9._-]/u.exec(part)?.[0];
    if (stranger !== undefined) throw new FormatError(`"${stranger}" is not allowed in a name`);
    throw new FormatError(
      `"${shorten(part)}" has to begin and end with a letter or digit, with one of ".", "_", "__" or dashes between two of them`,
    );
  }
}

function shorten(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

/** What a reference means: Docker Hub and `library/` where it names none, and `latest` where it has neither tag nor digest. */
export function normaliseReference(reference: Reference): Reference & { readonly domain: string } {
  const domain = reference.domain === undefined || reference.domain === legacyDefaultDomain ? defaultDomain : reference.domain;
  const path = domain === defaultDomain && !reference.path.includes('/') ? `${officialPrefix}${reference.path}` : reference.path;
  const tag = reference.tag ?? (reference.digest === undefined ? defaultTag : undefined);
  return { domain, path, ...(tag !== undefined && { tag }), ...(reference.digest && { digest: reference.digest }) };
}

/** The reference as text: parseReference of it gives the same parts. */
export function formatReference(reference: Reference): string {
  const { domain, path, tag, digest } = reference;
  return `${domain === undefined ? '' : `${domain}/`}${path}${tag === undefined ? '' : `:${tag}`}${digest === undefined ? '' : `@${digest}`}`;
}

/** Whether two references mean the same image of the same place. */
export function isSameReference(left: Reference, right: Reference): boolean {
  return formatReference(normaliseReference(left)) === formatReference(normaliseReference(right));
}
