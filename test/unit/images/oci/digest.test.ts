import test from 'ava';
import { FormatError } from '../../../../images/errors.js';
import { digestHex, isDigest, parseDigest, parseDiffId, sha256 } from '../../../../images/oci/digest.js';

const empty = 'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

test('digests of bytes', (t) => {
  t.is<string, string>(sha256(new Uint8Array()), empty);
  t.is(digestHex(sha256(new Uint8Array())), empty.slice(7));
  t.is<string, string>(parseDigest(empty), empty);
  t.is<string, string>(parseDiffId(empty), empty);
});

test('what is no sha256 digest is refused', (t) => {
  for (const text of [
    '',
    'sha256:',
    empty.slice(0, -1),
    `${empty}0`,
    empty.toUpperCase(),
    empty.slice(7),
    `sha512:${'0'.repeat(128)}`,
    `${empty}\n`,
  ]) {
    t.throws(() => parseDigest(text), { instanceOf: FormatError }, text);
    t.false(isDigest(text));
  }
  t.false(isDigest(undefined));
});
