/** Who gets SIGIO of a descriptor (F_SETOWN). CRIU v4.2 images/fown.proto. */
import { message, need, u32 } from '../schema.js';

export const fownEntry = message('fown_entry', {
  uid: need(1, u32),
  euid: need(2, u32),
  signum: need(3, u32),
  pidType: need(4, u32),
  pid: need(5, u32),
});
