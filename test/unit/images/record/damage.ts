/** Damaged records for the tests of both readers. */
import fc from 'fast-check';
import { encodeRecord, recordChecksum } from '../../../../images/record/record.js';
import { anyRecord } from './arbitrary.js';

/** Writes the checksum anew, so that a reader looks further than it. */
export function withChecksum(bytes: Buffer): Buffer {
  if (bytes.length >= 24) bytes.writeUInt32LE(recordChecksum(bytes), 20);
  return bytes;
}

/** Records with a few flipped bits, cut or grown, mostly with a right checksum and size. */
export const damagedRecord: fc.Arbitrary<Buffer> = fc
  .record({
    record: anyRecord,
    flips: fc.array(fc.tuple(fc.nat(), fc.nat(7)), { maxLength: 3 }),
    cut: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.integer({ min: -8, max: 300 }) }),
    repair: fc.oneof({ weight: 5, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: fc.constant(false) }),
  })
  .map(({ record, flips, cut, repair }) => {
    const whole = encodeRecord(record);
    const bytes = cut < 0 ? Buffer.concat([whole, Buffer.alloc(-cut)]) : whole.subarray(0, Math.max(0, whole.length - cut));
    for (const [at, bit] of flips) {
      // Most of what a reader can get wrong is in the header.
      const index = at % (at % 3 === 0 ? bytes.length : Math.min(200, bytes.length));
      if (index < bytes.length) bytes[index] = (bytes[index] ?? 0) ^ (1 << bit);
    }
    if (repair && cut !== 0 && bytes.length >= 20) bytes.writeUInt32LE(bytes.length, 16);
    return repair ? withChecksum(bytes) : bytes;
  });
