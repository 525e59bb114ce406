/* CRC-32 of IEEE 802.3, which ends the header of the record and that of the tape. */
#ifndef CHECKSUM_H
#define CHECKSUM_H

#include "types.h"

/* Of `size` bytes after those that gave `crc`; begin with 0. */
u32 crc32_add(u32 crc, const u8 *bytes, usize size);

/* Of `size` bytes, of which the four at `hole`, where the sum itself lies, count as zeros. */
u32 crc32_around(const u8 *bytes, usize size, usize hole);

#endif
