import test from 'ava';

import { stanzas } from '../../../../templates/runtime/renew.js';

const hash = 'f'.repeat(64);

test('versions, and the source packages they were built from', (t) => {
  const text = `Package: libc6
Source: glibc
Version: 2.43-7
Size: 10
Filename: pool/main/g/glibc/libc6_2.43-7_amd64.deb
SHA256: ${hash}
Description: a
 b

Package: libc6
Source: glibc (2.41-12)
Version: 2.41-12+b1
Size: 11
Filename: pool/main/g/glibc/libc6_2.41-12+b1_amd64.deb
SHA256: ${hash}

Package: criu
Version: 4.2.1-1+b3
Size: 12
Filename: pool/c.deb
SHA256: ${hash}
`;
  t.deepEqual(
    stanzas(text).map((one) => [one.version, one.source, one.sourceVersion, one.sizeBytes]),
    [
      ['2.43-7', 'glibc', '2.43-7', 10],
      ['2.41-12+b1', 'glibc', '2.41-12', 11],
      ['4.2.1-1+b3', 'criu', '4.2.1-1', 12],
    ],
  );
});

test('a stanza without a file is left out', (t) => {
  t.deepEqual(stanzas('Package: criu\nVersion: 1\n\n'), []);
});
