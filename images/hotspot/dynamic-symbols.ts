/**
 * Symbols of a library as the dynamic linker finds them (System V ABI, "Dynamic Linking"; the GNU hash table as in glibc's
 * elf/dl-lookup.c), in the memory of a dumped process: what is read is what was mapped, relocated and set by constructors.
 */
import { FormatError } from '../errors.js';
import { bufferOf, readText, readU32, wrap, type ReadableMemory } from './memory.js';

const EHDR_BYTES = 64;
const PHDR_BYTES = 56;
const SYM_BYTES = 24;
const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const DT = {
  PLTRELSZ: 2n,
  STRTAB: 5n,
  SYMTAB: 6n,
  RELA: 7n,
  RELASZ: 8n,
  STRSZ: 10n,
  SYMENT: 11n,
  JMPREL: 23n,
  GNU_HASH: 0x6ffffef5n,
} as const;
const MAX_SEGMENTS = 64;
const MAX_DYNAMIC_BYTES = 64 * 1024;
/** libjvm.so exports about a thousand symbols; a bucket holds a few. */
const MAX_CHAIN = 4096;
const RELA_BYTES = 24;
/** libjvm.so has some 60,000 relocations. */
const MAX_RELOCATIONS_BYTES = 2 ** 22 * RELA_BYTES;
const RELOCATIONS_AT_ONCE = 16_384;
/** R_X86_64_GLOB_DAT and R_X86_64_JUMP_SLOT: a slot with the address of a symbol, for variables and for calls (psABI, x86-64). */
const slotTypes: ReadonlySet<number> = new Set([6, 7]);

export class DynamicSymbols {
  readonly #memory: ReadableMemory;
  /** What is added to addresses of the file. */
  readonly #bias: bigint;
  readonly #tables: Tables;

  private constructor(memory: ReadableMemory, bias: bigint, tables: Tables) {
    this.#memory = memory;
    this.#bias = bias;
    this.#tables = tables;
  }

  /**
   * The symbols of the library that is mapped from `path`.
   *
   * @throws FormatError when it is not mapped from its start, or is no 64-bit little-endian library with a GNU hash table
   */
  static async of(memory: ReadableMemory, path: string): Promise<DynamicSymbols> {
    const vmas = memory.vmas.filter((vma) => vma.path === path);
    const first = vmas.find((vma) => vma.pgoff === 0n);
    if (first === undefined) throw new FormatError(`${path} is not mapped from its start`);
    const { bias, dynamic } = await readSegments(memory, first.start, path);
    if (!vmas.some((vma) => vma.start <= dynamic.address && dynamic.address < vma.end)) {
      throw new FormatError(`the dynamic section of ${path} lies outside of its mappings`);
    }
    return new DynamicSymbols(memory, bias, await readDynamic(memory, bias, dynamic, path));
  }

  /** The address of an exported symbol; undefined where the library does not define it. */
  async find(name: string): Promise<bigint | undefined> {
    const { buckets, bucketCount, chains, firstHashed, symbols, strings, stringBytes } = this.#tables;
    const hash = gnuHash(name);
    let index = await readU32(this.#memory, wrap(buckets + 4n * BigInt(hash % bucketCount)));
    if (index < firstHashed) return undefined;
    for (let steps = 0; steps < MAX_CHAIN; steps++, index++) {
      const found = await readU32(this.#memory, wrap(chains + 4n * BigInt(index - firstHashed)));
      if (found >>> 1 === hash >>> 1) {
        const symbol = bufferOf(await this.#memory.read(symbols + BigInt(SYM_BYTES * index), SYM_BYTES));
        const nameOffset = symbol.readUInt32LE(0);
        const fits = nameOffset + name.length < stringBytes;
        const text = fits ? bufferOf(await this.#memory.read(strings + BigInt(nameOffset), name.length + 1)).toString('latin1') : '';
        if (text === `${name}\0` && symbol.readUInt16LE(6) !== 0) return wrap(this.#bias + symbol.readBigUInt64LE(8));
      }
      // The lowest bit ends a chain.
      if ((found & 1) !== 0) return undefined;
    }
    throw new FormatError(`the hash table of a library has a bucket of more than ${MAX_CHAIN} symbols`);
  }

  /** The addresses of the slots through which the library uses these symbols of other libraries. x86-64 only. */
  async slotsOf(names: ReadonlySet<string>): Promise<ReadonlyMap<string, readonly bigint[]>> {
    const slots = new Map<string, bigint[]>();
    const { symbols, strings, relocations } = this.#tables;
    for (const { address, bytes } of relocations) {
      for (let done = 0; done < bytes; done += RELOCATIONS_AT_ONCE * RELA_BYTES) {
        const part = bufferOf(await this.#memory.read(address + BigInt(done), Math.min(bytes - done, RELOCATIONS_AT_ONCE * RELA_BYTES)));
        for (let at = 0; at + RELA_BYTES <= part.length; at += RELA_BYTES) {
          if (!slotTypes.has(part.readUInt32LE(at + 8))) continue;
          const symbol = BigInt(part.readUInt32LE(at + 12));
          const nameOffset = await readU32(this.#memory, wrap(symbols + BigInt(SYM_BYTES) * symbol));
          const name = await readText(this.#memory, wrap(strings + BigInt(nameOffset))).catch(() => '');
          if (names.has(name)) slots.set(name, [...(slots.get(name) ?? []), wrap(this.#bias + part.readBigUInt64LE(at))]);
        }
      }
    }
    return slots;
  }
}

interface Tables {
  readonly buckets: bigint;
  readonly bucketCount: number;
  readonly chains: bigint;
  /** Symbols below this index are in no bucket. */
  readonly firstHashed: number;
  readonly symbols: bigint;
  readonly strings: bigint;
  readonly stringBytes: number;
  readonly relocations: readonly Section[];
}

interface Section {
  readonly address: bigint;
  readonly bytes: number;
}

async function readSegments(memory: ReadableMemory, base: bigint, path: string): Promise<{ bias: bigint; dynamic: Section }> {
  const header = bufferOf(await memory.read(base, EHDR_BYTES));
  // Magic number, ELFCLASS64, ELFDATA2LSB.
  if (header.toString('latin1', 0, 6) !== '\x7fELF\x02\x01') throw new FormatError(`${path} is no 64-bit little-endian ELF file`);
  const [size, count] = [header.readUInt16LE(54), header.readUInt16LE(56)];
  if (size !== PHDR_BYTES || count > MAX_SEGMENTS) throw new FormatError(`${path} has ${count} program headers of ${size} bytes`);
  const table = bufferOf(await memory.read(wrap(base + header.readBigUInt64LE(32)), count * PHDR_BYTES));
  const segments = Array.from({ length: count }, (_, i) => ({
    type: table.readUInt32LE(i * PHDR_BYTES),
    offset: table.readBigUInt64LE(i * PHDR_BYTES + 8),
    address: table.readBigUInt64LE(i * PHDR_BYTES + 16),
    bytes: table.readBigUInt64LE(i * PHDR_BYTES + 40),
  }));
  const first = segments.find(({ type, offset }) => type === PT_LOAD && offset === 0n);
  const dynamic = segments.find(({ type }) => type === PT_DYNAMIC);
  if (first === undefined || dynamic === undefined) throw new FormatError(`${path} is no library`);
  if (dynamic.bytes > MAX_DYNAMIC_BYTES) throw new FormatError(`the dynamic section of ${path} has ${dynamic.bytes} bytes`);
  const bias = wrap(base - first.address);
  return { bias, dynamic: { address: wrap(bias + dynamic.address), bytes: Number(dynamic.bytes) } };
}

async function readDynamic(memory: ReadableMemory, bias: bigint, dynamic: Section, path: string): Promise<Tables> {
  const bytes = bufferOf(await memory.read(dynamic.address, dynamic.bytes));
  const tags = new Map<bigint, bigint>();
  for (let at = 0; at + 16 <= bytes.length; at += 16) {
    const tag = bytes.readBigUInt64LE(at);
    if (tag === 0n) break;
    tags.set(tag, bytes.readBigUInt64LE(at + 8));
  }
  const value = (tag: keyof typeof DT): bigint => {
    const found = tags.get(DT[tag]);
    if (found === undefined) throw new FormatError(`${path} has no DT_${tag}`);
    return found;
  };
  // glibc has added the bias to these addresses (elf/get-dynamic-info.h), musl leaves them as they are in the file.
  const address = (tag: keyof typeof DT): bigint => (value(tag) < bias ? wrap(bias + value(tag)) : value(tag));
  if (value('SYMENT') !== BigInt(SYM_BYTES)) throw new FormatError(`${path} has symbols of ${value('SYMENT')} bytes`);
  const hash = address('GNU_HASH');
  const head = bufferOf(await memory.read(hash, 16));
  const [bucketCount, firstHashed, bloomWords] = [head.readUInt32LE(0), head.readUInt32LE(4), head.readUInt32LE(8)];
  if (bucketCount === 0) throw new FormatError(`${path} exports no symbol`);
  const buckets = hash + 16n + 8n * BigInt(bloomWords);
  const section = (at: 'RELA' | 'JMPREL', size: 'RELASZ' | 'PLTRELSZ'): readonly Section[] => {
    if (!tags.has(DT[at]) || !tags.has(DT[size])) return [];
    if (value(size) > BigInt(MAX_RELOCATIONS_BYTES)) throw new FormatError(`${path} has ${value(size)} bytes of relocations`);
    return [{ address: address(at), bytes: Number(value(size)) }];
  };
  return {
    buckets,
    bucketCount,
    chains: buckets + 4n * BigInt(bucketCount),
    firstHashed,
    symbols: address('SYMTAB'),
    strings: address('STRTAB'),
    stringBytes: Number(value('STRSZ')),
    relocations: [...section('RELA', 'RELASZ'), ...section('JMPREL', 'PLTRELSZ')],
  };
}

function gnuHash(name: string): number {
  let hash = 5381;
  for (const byte of Buffer.from(name, 'latin1')) hash = (Math.imul(hash, 33) + byte) >>> 0;
  return hash;
}
