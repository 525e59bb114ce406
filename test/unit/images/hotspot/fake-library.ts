/** A libjvm.so made in a test: a 64-bit library with a GNU hash table, and the tables by which a virtual machine describes itself. */

/** What the tables say. Offsets and addresses are freely chosen. */
export interface Description {
  /** By `Type::_field`. */
  readonly fields: Readonly<Record<string, { readonly at: bigint; readonly isStatic: boolean }>>;
  readonly types: Readonly<Record<string, { readonly superclass?: string; readonly size: number }>>;
  readonly intConstants: Readonly<Record<string, number>>;
}

export interface LibraryOptions {
  /** Addresses in the dynamic section as glibc leaves them; else as musl does. */
  readonly relocated?: boolean;
  /** Exported variables that are left out. */
  readonly without?: readonly string[];
  /** What it calls of other libraries, slot by slot: the name, and what the slot holds. */
  readonly calls?: readonly (readonly [name: string, target: bigint])[];
}

const HEADER_BYTES = 64 + 2 * 56;
const DYNAMIC_BYTES = 10 * 16;

/** Bytes that grow, with addresses. */
class Layout {
  readonly #base: bigint;
  #bytes = Buffer.alloc(HEADER_BYTES + DYNAMIC_BYTES);

  constructor(base: bigint) {
    this.#base = base;
  }

  /** The address of `content`, which is put at the end. */
  put(content: Uint8Array): bigint {
    const at = Math.ceil(this.#bytes.length / 8) * 8;
    this.#bytes = Buffer.concat([this.#bytes, Buffer.alloc(at - this.#bytes.length), content]);
    return this.#base + BigInt(at);
  }

  text(value: string): bigint {
    return this.put(Buffer.from(`${value}\0`, 'latin1'));
  }

  get bytes(): Buffer {
    return this.#bytes;
  }
}

export const words = (...values: readonly bigint[]): Buffer => {
  const bytes = Buffer.alloc(values.length * 8);
  values.forEach((value, i) => bytes.writeBigUInt64LE(BigInt.asUintN(64, value), i * 8));
  return bytes;
};

/** The file, which is mapped as it is at `base`. */
export function fakeLibrary(base: bigint, description: Description, options: LibraryOptions = {}): Buffer {
  const layout = new Layout(base);
  const variables = Object.entries(exportedVariables(layout, description)).filter(([name]) => options.without?.includes(name) !== true);
  const calls = options.calls ?? [];
  const names = Buffer.from(`\0${[...calls, ...variables].map(([name]) => name).join('\0')}\0`, 'latin1');
  // Symbols that are not defined here come first: the hash table has none of them.
  const symbols = [Buffer.alloc(24), ...calls.map(([name]) => undefinedSymbol(names.indexOf(`\0${name}\0`) + 1))];
  const slots = calls.map(([, target]) => layout.put(words(target)));
  const relocations = slots.map((slot, i) => words(slot - base, (BigInt(i + 1) << 32n) | 7n, 0n));
  const hashes: number[] = [];
  for (const [name, value] of variables) {
    const address = layout.put(words(value));
    const symbol = Buffer.alloc(24);
    symbol.writeUInt32LE(names.indexOf(`\0${name}\0`) + 1, 0);
    symbol.writeUInt16LE(1, 6);
    symbol.writeBigUInt64LE(address - base, 8);
    symbols.push(symbol);
    hashes.push(gnuHash(name));
  }
  // One bucket with all symbols: bucket count, first symbol, words of the Bloom filter and its shift, filter, bucket, chain.
  const hash = Buffer.alloc(16 + 8 + 4 + 4 * hashes.length);
  [1, 1 + calls.length, 1, 6].forEach((value, i) => hash.writeUInt32LE(value, i * 4));
  hash.fill(0xff, 16, 24);
  hash.writeUInt32LE(variables.length > 0 ? 1 + calls.length : 0, 24);
  hashes.forEach((value, i) => hash.writeUInt32LE(((value & ~1) | (i === hashes.length - 1 ? 1 : 0)) >>> 0, 28 + 4 * i));

  const bias = options.relocated === true ? 0n : base;
  const dynamic: readonly (readonly [tag: bigint, value: bigint])[] = [
    [5n, layout.put(names) - bias],
    [6n, layout.put(Buffer.concat(symbols)) - bias],
    [10n, BigInt(names.length)],
    [11n, 24n],
    [0x6ffffef5n, layout.put(hash) - bias],
    ...(calls.length === 0
      ? []
      : ([
          [23n, layout.put(Buffer.concat(relocations)) - bias],
          [2n, BigInt(relocations.length * 24)],
        ] as const)),
  ];
  // Mappings are of whole pages.
  const file = Buffer.concat([layout.bytes, Buffer.alloc(4096 - (layout.bytes.length % 4096))]);
  Buffer.concat(dynamic.map((entry) => words(...entry))).copy(file, HEADER_BYTES);
  writeHeaders(file);
  return file;
}

function undefinedSymbol(nameOffset: number): Buffer {
  const symbol = Buffer.alloc(24);
  symbol.writeUInt32LE(nameOffset, 0);
  return symbol;
}

function writeHeaders(file: Buffer): void {
  file.write('\x7fELF\x02\x01\x01', 0, 'latin1');
  file.writeBigUInt64LE(64n, 32);
  file.writeUInt16LE(56, 54);
  file.writeUInt16LE(2, 56);
  const [load, dynamic] = [64, 64 + 56];
  file.writeUInt32LE(1, load);
  file.writeBigUInt64LE(BigInt(file.length), load + 32);
  file.writeBigUInt64LE(BigInt(file.length), load + 40);
  file.writeUInt32LE(2, dynamic);
  file.writeBigUInt64LE(BigInt(HEADER_BYTES), dynamic + 8);
  file.writeBigUInt64LE(BigInt(HEADER_BYTES), dynamic + 16);
  file.writeBigUInt64LE(BigInt(DYNAMIC_BYTES), dynamic + 40);
}

/** The tables, with rows in an order of their own, and the variables that tell where they are and how they are laid out. */
function exportedVariables(layout: Layout, description: Description): Readonly<Record<string, bigint>> {
  const texts = new Map<string, bigint>();
  const text = (value: string): bigint => {
    const address = texts.get(value) ?? layout.text(value);
    texts.set(value, address);
    return address;
  };
  const fields = Object.entries(description.fields).map(([name, { at, isStatic }]) => {
    const [type = '', field = ''] = name.split(/::(?=[^:]+$)/u);
    return words(isStatic ? at : 0n, text(field), isStatic ? 1n : 0n, 0n, isStatic ? 0n : at, text(type));
  });
  const types = Object.entries(description.types).map(([name, { superclass, size }]) =>
    words(BigInt(size), superclass === undefined ? 0n : text(superclass), text(name)),
  );
  const ints = Object.entries(description.intConstants).map(([name, value]) => words(text(name), BigInt(value)));
  const table = (rows: readonly Buffer[], stride: number): bigint => layout.put(Buffer.concat([...rows, Buffer.alloc(stride)]));
  return {
    gHotSpotVMStructs: table(fields, 48),
    gHotSpotVMStructEntryArrayStride: 48n,
    gHotSpotVMStructEntryAddressOffset: 0n,
    gHotSpotVMStructEntryFieldNameOffset: 8n,
    gHotSpotVMStructEntryIsStaticOffset: 16n,
    gHotSpotVMStructEntryOffsetOffset: 32n,
    gHotSpotVMStructEntryTypeNameOffset: 40n,
    gHotSpotVMTypes: table(types, 24),
    gHotSpotVMTypeEntryArrayStride: 24n,
    gHotSpotVMTypeEntrySizeOffset: 0n,
    gHotSpotVMTypeEntrySuperclassNameOffset: 8n,
    gHotSpotVMTypeEntryTypeNameOffset: 16n,
    gHotSpotVMIntConstants: table(ints, 16),
    gHotSpotVMIntConstantEntryArrayStride: 16n,
    gHotSpotVMIntConstantEntryNameOffset: 0n,
    gHotSpotVMIntConstantEntryValueOffset: 8n,
  };
}

function gnuHash(name: string): number {
  let hash = 5381;
  for (const character of name) hash = (hash * 33 + character.charCodeAt(0)) % 2 ** 32;
  return hash;
}
