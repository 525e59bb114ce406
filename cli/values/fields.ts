/** Lists of fields as Docker writes them in --mount and --secret: one line of CSV, each field `name=value` or `name`. */
import { nearest } from '../../builder/dockerfile/nearest.js';
import { CracError } from '../../builder/errors.js';

/** Names a field may have → the name it stands for. */
export type FieldNames = Readonly<Record<string, string>>;

/**
 * Name → value (undefined: none was given). A field in double quotes may hold commas; `""` in it is a quote (RFC 4180, section 2).
 * Throws CRAC-USAGE-FLAG for unknown and repeated names.
 */
export function parseFields(flag: string, text: string, names: FieldNames, expected: string): ReadonlyMap<string, string | undefined> {
  const fields = new Map<string, string | undefined>();
  for (const field of splitCsv(text) ?? refuseFields(flag, text, expected)) {
    const equals = field.indexOf('=');
    const given = (equals < 0 ? field : field.slice(0, equals)).trim().toLowerCase();
    const name = Object.hasOwn(names, given) ? names[given] : undefined;
    if (name === undefined) {
      const near = nearest(given, Object.keys(names));
      throw CracError.of('CRAC-USAGE-FLAG', {
        flag,
        value: text,
        expected: near === undefined ? expected : `${expected} (did you mean ${near}, not ${given}?)`,
      });
    }
    if (fields.has(name)) refuseFields(flag, text, `${name} once`);
    fields.set(name, equals < 0 ? undefined : field.slice(equals + 1));
  }
  return fields;
}

export function refuseFields(flag: string, value: string, expected: string): never {
  throw CracError.of('CRAC-USAGE-FLAG', { flag, value, expected });
}

/** The fields of a line of CSV; null where a quote has no end or stands within a field. */
function splitCsv(text: string): string[] | null {
  const fields: string[] = [];
  const field = /(?:"((?:[^"]|"")*)"|([^",]*))(,|$)/y;
  for (;;) {
    const match = field.exec(text);
    if (!match) return null;
    fields.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? '');
    if (match[3] === '') return fields;
  }
}
