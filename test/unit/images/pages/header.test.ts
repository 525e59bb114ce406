import test from 'ava';
import fc from 'fast-check';
import { FormatError } from '../../../../images/errors.js';
import { decodeStoreHeader, encodeStoreHeader, storeHeaderBytes } from '../../../../images/pages/header.js';

const header = fc.record({
  sizeBytes: fc.integer({ min: 1, max: 2 ** 40 }).map((pages) => pages * 4096),
  sha256: fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes).toString('hex')),
});

test('a header comes back as it was', (t) => {
  fc.assert(
    fc.property(header, (value) => {
      t.deepEqual({ ...decodeStoreHeader(encodeStoreHeader(value)) }, value);
    }),
  );
});

test('any bytes are a header or a FormatError', (t) => {
  fc.assert(
    fc.property(header, fc.nat({ max: storeHeaderBytes - 1 }), fc.integer({ min: 1, max: 255 }), (value, at, change) => {
      const page = encodeStoreHeader(value);
      page[at] = (page[at] ?? 0) ^ change;
      try {
        decodeStoreHeader(page);
      } catch (error) {
        t.true(error instanceof FormatError);
      }
    }),
  );
  t.throws(() => decodeStoreHeader(Buffer.alloc(100)), { instanceOf: FormatError, message: /cut off/ });
  t.throws(() => decodeStoreHeader(Buffer.alloc(4096)), { instanceOf: FormatError, message: /no page store/ });
});

test('damage behind the fields is noticed', (t) => {
  const page = encodeStoreHeader({ sizeBytes: 8192, sha256: '00'.repeat(32) });
  page[4000] = 1;
  t.throws(() => decodeStoreHeader(page), { instanceOf: FormatError, message: /damaged/ });
});
