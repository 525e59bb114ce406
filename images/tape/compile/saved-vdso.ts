/** A vDSO as it is saved before a dump, and what its bytes tell. */
import { FormatError } from '../../errors.js';
import type { TapeArea } from '../tape.js';

/** As saved from /proc/PID/mem before the dump. */
export interface SavedVdso {
  readonly address: bigint;
  readonly bytes: Uint8Array;
  /** [vvar], [vvar_vclock]: CRIU's images have them as one. Ascending. */
  readonly areas: readonly TapeArea[];
}

export interface VdsoPlace {
  readonly address: bigint;
  readonly sizeBytes: number;
  readonly areas: readonly TapeArea[];
}

/** The vDSO and its areas in the text of /proc/PID/maps; undefined where the process has none. */
export function findVdso(maps: string): VdsoPlace | undefined {
  const mappings = [...maps.matchAll(/^([0-9a-f]{1,16})-([0-9a-f]{1,16}) .*\[(vdso|vvar\w*)\]$/gmu)].map(([, start, end, name]) => ({
    name,
    address: BigInt(`0x${start ?? '0'}`),
    sizeBytes: BigInt(`0x${end ?? '0'}`) - BigInt(`0x${start ?? '0'}`),
  }));
  const vdso = mappings.find(({ name }) => name === 'vdso');
  if (vdso === undefined) return undefined;
  const areas = mappings.filter(({ name }) => name !== 'vdso').map(({ address, sizeBytes }) => ({ address, sizeBytes }));
  return { address: vdso.address, sizeBytes: Number(vdso.sizeBytes), areas };
}

/**
 * The build ID and the functions by name, with their offsets. ELF-64, little-endian (elf(5)).
 * @throws FormatError where the bytes are no vDSO
 */
export function readVdso(elf: Buffer): { readonly buildId: string; readonly symbols: ReadonlyMap<string, number> } {
  const cut = (offset: number, size: number): Buffer => {
    if (!Number.isSafeInteger(offset) || offset < 0 || offset + size > elf.length) throw new FormatError('it is cut off', { offset });
    return elf.subarray(offset, offset + size);
  };
  const number = (offset: number): number => Number(cut(offset, 8).readBigUInt64LE());
  const header = cut(0, 64);
  if (header.readUInt32BE(0) !== 0x7f454c46) throw new FormatError('it is no ELF file');
  const entries = (at: number, size: number, count: number): readonly number[] => {
    if (size < 56 || count > 64) throw new FormatError('it has odd headers');
    return Array.from({ length: count }, (_, i) => at + i * size);
  };
  const segments = entries(number(32), header.readUInt16LE(54), header.readUInt16LE(56));
  const sections = entries(number(40), header.readUInt16LE(58), header.readUInt16LE(60));
  const notes = segments.filter((at) => cut(at, 4).readUInt32LE() === 4).map((at) => cut(number(at + 8), number(at + 32)));
  const buildId = notes.map(buildIdOf).find((id) => id !== undefined);
  if (buildId === undefined) throw new FormatError('it has no build ID');
  const symbols = new Map<string, number>();
  for (const section of sections.filter((at) => cut(at, 64).readUInt32LE(4) === 11)) {
    const strings = sections[cut(section, 64).readUInt32LE(40)];
    if (strings === undefined) throw new FormatError('its symbols have no names');
    const names = cut(number(strings + 24), number(strings + 32));
    const table = cut(number(section + 24), number(section + 32));
    for (let at = 0; at + 24 <= table.length; at += 24) {
      const nameAt = table.readUInt32LE(at);
      const name = names.subarray(nameAt, names.indexOf(0, nameAt)).toString('latin1');
      const isFunction = ((table[at + 4] ?? 0) & 15) === 2 && table.readUInt16LE(at + 6) !== 0;
      if (isFunction && name.startsWith('__vdso_')) symbols.set(name, Number(table.readBigUInt64LE(at + 8)));
    }
  }
  return { buildId, symbols };
}

/** NT_GNU_BUILD_ID among the notes of a segment. */
function buildIdOf(notes: Buffer): string | undefined {
  for (let at = 0; at + 12 <= notes.length;) {
    const nameBytes = notes.readUInt32LE(at);
    const bytes = notes.readUInt32LE(at + 4);
    const from = at + 12 + Math.ceil(nameBytes / 4) * 4;
    const isBuildId = notes.readUInt32LE(at + 8) === 3 && notes.subarray(at + 12, at + 16).toString('latin1') === 'GNU\0';
    if (isBuildId && bytes >= 4 && bytes <= 32) return notes.subarray(from, from + bytes).toString('hex');
    at = from + Math.ceil(bytes / 4) * 4;
  }
  return undefined;
}
