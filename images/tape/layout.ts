/**
 * The binary layout of the restore tape, `/.crac-build/checkpoint/tape`: what crac-init does, in order, to make the process of a
 * checkpoint without any right. This table and `calls.ts` are its only sources: the codec reads them, and `scripts/generate-tape.mjs`
 * writes `templates/init/tape.gen.h` and `docs/tape-format.md` from them.
 *
 *   tape = header tables data
 *   tables = areas functions threads components steps, each padded to 8 bytes
 *   data = eight zero bytes, then bytes that steps and threads refer to, padded to 8 bytes
 *
 * Little-endian, naturally aligned, padding and reserved fields zero. Tables are found by offsets from the first byte of the tape; every
 * other offset counts from the first byte of the data. Addresses are those of the process that is made. There is no pointer in a tape:
 * crac-init adds where it has the data to an offset.
 */
import { structBytes, type Struct } from '../record/layout.js';

/** The first eight bytes, `CRACTAPE` read as a little-endian number. */
export const tapeMagic = 0x4550415443415243n;
/** Raised by every change that an older crac-init would read wrongly. */
export const tapeVersion = 1;
/** Feature bits this version knows. A tape that requires another one is refused. */
export const tapeFeatures = 0;
/** A tape is mapped whole. An application with 65530 mappings (vm.max_map_count) has one of about 8 MB. */
export const tapeMaxBytes = 32 << 20;
export const tapeMaxSteps = 1 << 18;
/** Steps whose failure is an answer, not an end. */
export const tapeMaxOptional = 64;
export const tapeMaxThreads = 1 << 14;
/** Descriptors have smaller numbers; a set of them fits 8 KB of bits. */
export const tapeMaxDescriptors = 1 << 16;
/** IOV_MAX (limits.h), the most that one call takes. */
export const tapeMaxVectors = 1024;
/** MAX_RW_COUNT (include/linux/fs.h): one call moves no more. */
export const tapeMaxTransfer = 0x7ffff000;
/** What one step may write from the data: a full pipe of the largest default size (fs.pipe-max-size). */
export const tapeMaxBytesOfStep = 1 << 20;

/** The vDSO and its areas: the parking place for them is in the hole (holeFixedBytes). */
export const vdsoMaxBytes = 64 << 10;
export const vdsoMaxAreas = 4;
export const vdsoMaxFunctions = 16;
/** What each of its functions has room for: a jump to anywhere, movabs $address, %rax; jmp *%rax. */
export const vdsoJumpBytes = 12;
export const maxSystemCall = 1023;

/** Values of `machine`: EM_* of elf.h. */
export const machines = { x86_64: 62 } as const;

/** What lies in the hole besides the tape: a parking place for the vDSO, the stack of PID 1's child, what is shared with PID 1. */
export const holeFixedBytes = 1 << 20;
/** For each thread: a stack and a signal frame with the largest extended state (AMX: 11 KB). */
export const holeThreadBytes = 16 << 10;
/**
 * Where crac-init itself is linked to (templates/init/build.sh): it stays there while it plays, and no tape has anything there. Above what
 * the kernel gives out (vm.mmap_min_addr, 64 KiB); below programs that are linked to an address (4 MiB) and below what HotSpot looks
 * through for the class space, at random since JDK 24 (16 MiB: os.cpp, vm_min_address).
 */
export const initStart = 0x0020_0000n;
export const initBytes = 1 << 20;
/** No tape has its hole below. */
export const holeLowest = 0x1000_0000n;
/** The end of user space (TASK_SIZE_MAX with four levels of page tables, less its last page). */
export const userSpaceEnd = 0x7fff_ffff_f000n;
export const pageBytes = 4096;

export const headerStruct = {
  name: 'tape_header',
  doc: 'The beginning of the tape.',
  fields: [
    { name: 'magic', type: 'u64', doc: 'TAPE_MAGIC' },
    { name: 'version', type: 'u32', doc: 'TAPE_VERSION' },
    { name: 'featuresRequired', type: 'u32', doc: 'a reader that does not know one of these bits refuses the tape' },
    { name: 'sizeBytes', type: 'u32', doc: 'of the whole tape' },
    { name: 'crc32', type: 'u32', doc: 'CRC-32 (IEEE 802.3) of the whole tape with this field zero' },
    { name: 'machine', type: 'u32', doc: 'enum tape_machine: whose registers, system calls and vDSO' },
    { name: 'pid', type: 'u32', doc: 'process ID, session and process group of the application' },
    { name: 'hole', type: 'u64', doc: 'address of the range that the application does not use: crac-init works there while it plays' },
    { name: 'holeBytes', type: 'u64', doc: 'bytes of the hole, enough for tape, threads and vDSO' },
    { name: 'vdso', type: 'u64', doc: 'address of the vDSO' },
    { name: 'vdsoBytes', type: 'u32', doc: 'bytes of the vDSO' },
    { name: 'vdsoCopy', type: 'u32', doc: 'offset of a copy of the vDSO, for a start under another kernel' },
    {
      name: 'vdsoBuildId',
      type: 'u8',
      count: 32,
      doc: "the vDSO's GNU build ID, which tells whether a start has the same; zeros behind it",
    },
    { name: 'vdsoBuildIdBytes', type: 'u32', doc: 'bytes of the build ID' },
    { name: 'descriptorLimit', type: 'u32', doc: 'every descriptor that is used has a smaller number; RLIMIT_NOFILE has to allow it' },
    { name: 'stateRequired', type: 'u64', doc: 'XSAVE components that a start must have enabled in XCR0' },
    { name: 'generationPage', type: 'u64', doc: 'address of the page that crac-init fills in before a thread runs; 0: there is none' },
    {
      name: 'dumpedMonotonicNs',
      type: 'u64',
      doc: "CLOCK_MONOTONIC at the dump; 0: the application's clock goes on from there by itself",
    },
    { name: 'dumpedRealtimeNs', type: 'u64', doc: 'CLOCK_REALTIME at the dump; 0: not known' },
    { name: 'resumeValue', type: 'u64', doc: 'value of resumeSignal' },
    { name: 'resumeSignal', type: 'u32', doc: 'signal that the application gets after the resume; 0: none' },
    { name: 'reserved', type: 'u32', doc: 'zero' },
    { name: 'areas', type: 'record_table', doc: "tape_area rows, ascending: the kernel's data for the vDSO, mapping by mapping" },
    { name: 'functions', type: 'record_table', doc: 'tape_function rows: what the vDSO offers' },
    { name: 'threads', type: 'record_table', doc: 'tape_thread rows, ascending by ID; the first is the process itself' },
    { name: 'components', type: 'record_table', doc: 'tape_component rows, in the order of threads' },
    { name: 'steps', type: 'record_table', doc: 'tape_step rows' },
    { name: 'data', type: 'record_table', doc: 'bytes; to the end of the tape' },
  ],
} as const satisfies Struct;

export const areaStruct = {
  name: 'tape_area',
  doc: 'A mapping that belongs to the vDSO ([vvar], [vvar_vclock]).',
  fields: [
    { name: 'address', type: 'u64', doc: 'of the first byte' },
    { name: 'sizeBytes', type: 'u64', doc: 'bytes' },
  ],
} as const satisfies Struct;

export const functionStruct = {
  name: 'tape_function',
  doc: 'A function of the vDSO, which libc may have a pointer to.',
  fields: [
    { name: 'name', type: 'u8', count: 32, doc: 'name, with zeros behind it' },
    { name: 'offset', type: 'u32', doc: 'from the start of the vDSO; 12 bytes from there on belong to the function' },
    { name: 'systemCall', type: 'u32', doc: 'number of the system call that does the same' },
    { name: 'direct', type: 'u32', doc: '1: under another kernel always the system call, since its state belongs to the vDSO' },
    { name: 'reserved', type: 'u32', doc: 'zero' },
  ],
} as const satisfies Struct;

/** The order of `registers`: that of struct sigcontext_64 (arch/x86/include/uapi/asm/sigcontext.h). */
export const registerNames = [
  ...(['r8', 'r9', 'r10', 'r11', 'r12', 'r13', 'r14', 'r15'] as const),
  ...(['di', 'si', 'bp', 'bx', 'dx', 'ax', 'cx', 'sp', 'ip', 'flags'] as const),
] as const;

export const threadStruct = {
  name: 'tape_thread',
  doc: 'A thread.',
  fields: [
    { name: 'tid', type: 'u32', doc: 'thread ID' },
    { name: 'niceness', type: 'u32', doc: 'nice value and 20' },
    { name: 'fsBase', type: 'u64', doc: 'base of FS: the thread pointer' },
    { name: 'gsBase', type: 'u64', doc: 'base of GS' },
    { name: 'clearTid', type: 'u64', doc: 'address that the kernel clears and wakes when the thread ends; 0: none' },
    { name: 'robustList', type: 'u64', doc: 'address of the head of its robust futexes; 0: none' },
    { name: 'robustListBytes', type: 'u32', doc: 'bytes of that head' },
    { name: 'rseqBytes', type: 'u32', doc: 'bytes of the rseq area' },
    { name: 'rseq', type: 'u64', doc: 'address of the rseq area; 0: none' },
    { name: 'rseqSignature', type: 'u32', doc: 'signature given with it' },
    { name: 'altStackFlags', type: 'u32', doc: 'ss_flags of the alternate signal stack' },
    { name: 'altStack', type: 'u64', doc: 'address of the alternate signal stack' },
    { name: 'altStackBytes', type: 'u64', doc: 'bytes of it' },
    { name: 'signalMask', type: 'u64', doc: 'blocked signals, bit N-1 for signal N' },
    { name: 'name', type: 'u8', count: 16, doc: 'name, with zeros behind it' },
    { name: 'registers', type: 'u64', count: 18, doc: 'r8 to r15, di, si, bp, bx, dx, ax, cx, sp, ip, flags' },
    { name: 'state', type: 'u64', doc: 'XSTATE_BV: components that are not in their initial state' },
    { name: 'legacy', type: 'u32', doc: 'offset of the legacy region of the XSAVE area, TAPE_LEGACY_BYTES long' },
    { name: 'components', type: 'u32', doc: 'rows of components that belong to this thread, behind those of the threads before it' },
  ],
} as const satisfies Struct;

export const componentStruct = {
  name: 'tape_component',
  doc: 'A component of the extended state; where it lies in the XSAVE area is told by CPUID leaf 0xD of the CPU that restores.',
  fields: [
    { name: 'number', type: 'u32', doc: 'of the component, as in XCR0' },
    { name: 'sizeBytes', type: 'u32', doc: 'bytes' },
    { name: 'offset', type: 'u32', doc: 'of its bytes' },
    { name: 'optional', type: 'u32', doc: '1: left out where the CPU does not have it' },
  ],
} as const satisfies Struct;

export const stepStruct = {
  name: 'tape_step',
  doc: 'A call.',
  fields: [
    { name: 'call', type: 'u8', doc: 'enum tape_call' },
    { name: 'check', type: 'u8', doc: 'enum tape_check' },
    { name: 'skipOnFailure', type: 'u8', doc: 'not 0: where the check fails, so many steps are left out and it goes on' },
    { name: 'skipOnSuccess', type: 'u8', doc: 'so many steps are left out where the check holds' },
    { name: 'reserved', type: 'u32', doc: 'zero' },
    { name: 'want', type: 'i64', doc: 'the result that TAPE_CHECK_EQUAL asks for; else 0' },
    { name: 'arguments', type: 'u64', count: 6, doc: 'as the rules of the call say' },
  ],
} as const satisfies Struct;

/** An element of VECTORS: struct iovec. */
export const vectorStruct = {
  name: 'tape_vector',
  doc: 'A range of memory that is read into.',
  fields: [
    { name: 'address', type: 'u64', doc: 'of the first byte' },
    { name: 'sizeBytes', type: 'u64', doc: 'bytes' },
  ],
} as const satisfies Struct;

/** The data of the call `memoryMap`: struct prctl_mm_map (linux/prctl.h) but its pointer and exe_fd. */
export const memoryMapStruct = {
  name: 'tape_memory_map',
  doc: 'What the kernel knows of the memory of a process (PR_SET_MM_MAP).',
  fields: [
    { name: 'startCode', type: 'u64', doc: 'first byte of the code' },
    { name: 'endCode', type: 'u64', doc: 'end of the code' },
    { name: 'startData', type: 'u64', doc: 'first byte of the data' },
    { name: 'endData', type: 'u64', doc: 'end of the data' },
    { name: 'startBrk', type: 'u64', doc: 'first byte of the heap' },
    { name: 'brk', type: 'u64', doc: 'end of the heap' },
    { name: 'startStack', type: 'u64', doc: 'where the main stack began' },
    { name: 'argStart', type: 'u64', doc: 'first byte of the arguments' },
    { name: 'argEnd', type: 'u64', doc: 'end of the arguments' },
    { name: 'envStart', type: 'u64', doc: 'first byte of the environment' },
    { name: 'envEnd', type: 'u64', doc: 'end of the environment' },
    { name: 'auxv', type: 'record_table', doc: 'auxiliary vector: u64 words in the data, two an entry' },
  ],
} as const satisfies Struct;
/**
 * What the agent maps privately, in build containers and in images, all of it zeros: the generation page, then the mailbox through which
 * the builder speaks with the agent.
 */
export const generationPath = '/.crac-build/generation';
export const generationPageBytes = 4096;
export const generationFileBytes = generationPageBytes + 65_536;

/** The page that crac-init fills in at each start, before a thread runs. Raised with every change of what is there already. */
export const generationVersion = 1;
export const generationStruct = {
  name: 'tape_generation',
  doc: 'What differs from start to start: the generation page, the first of /.crac-build/generation.',
  fields: [
    { name: 'generation', type: 'u64', doc: 'one more than before this start' },
    { name: 'version', type: 'u32', doc: 'TAPE_GENERATION_VERSION' },
    { name: 'reserved', type: 'u32', doc: 'zero' },
    { name: 'monotonicJumpNs', type: 'i64', doc: 'what the monotonic clock of the application has jumped by since the dump' },
    { name: 'realtimeJumpNs', type: 'i64', doc: 'what the wall clock has gone on by since the dump; 0: not known' },
    { name: 'entropy', type: 'u8', count: 64, doc: 'random bytes of this start alone' },
    {
      name: 'environmentBytes',
      type: 'u32',
      doc: 'of environment; 0: it is that of the parent, which the application may read. Only where it may not: the criu restorer',
    },
    { name: 'environment', type: 'u8', count: 3996, doc: "the container's variables, NAME=VALUE, each with a NUL" },
  ],
} as const satisfies Struct;
/** AT_VECTOR_SIZE of the kernel is below 64 words. */
export const maxAuxvWords = 128;

/** In the order in which C needs them. */
export const structs: readonly Struct[] = [
  headerStruct,
  areaStruct,
  functionStruct,
  threadStruct,
  componentStruct,
  stepStruct,
  vectorStruct,
  memoryMapStruct,
  generationStruct,
];

/** Tables of the header with the bytes of one row, in the order in which they lie in the tape. */
export const tables = [
  { name: 'areas', rowBytes: structBytes(areaStruct) },
  { name: 'functions', rowBytes: structBytes(functionStruct) },
  { name: 'threads', rowBytes: structBytes(threadStruct) },
  { name: 'components', rowBytes: structBytes(componentStruct) },
  { name: 'steps', rowBytes: structBytes(stepStruct) },
] as const;

/** Flags that a program may have set: CF PF AF ZF SF TF IF DF OF NT RF AC ID and the bit that is always one (FIX_EFLAGS of the kernel). */
export const userFlags = 0x1 | 0x2 | 0x4 | 0x10 | 0x40 | 0x80 | 0x100 | 0x200 | 0x400 | 0x800 | 0x4000 | 0x10000 | 0x40000 | 0x200000;

/** `equal`: to `want`; `notNegative`: no error number. */
export const checks = { ignore: 0, equal: 1, notNegative: 2 } as const;
export type CheckName = keyof typeof checks;

/** The FXSAVE image; the XSAVE header behind it is made of `state`. */
export const legacyBytes = 512;
/** Components that a tape can hold, with their sizes (Intel SDM volume 1, 13.4 and 13.5; the same on every CPU that has them). */
export const componentSizes: ReadonlyMap<number, number> = new Map([
  [2, 256], // AVX: upper halves of YMM
  [3, 64], // MPX: BNDREGS
  [4, 64], // MPX: BNDCSR
  [5, 64], // AVX-512: opmask
  [6, 512], // AVX-512: upper halves of ZMM0-15
  [7, 1024], // AVX-512: ZMM16-31
  [9, 8], // PKRU
]);
export const componentNames: ReadonlyMap<number, string> = new Map([
  [0, 'x87'],
  [1, 'SSE'],
  [2, 'AVX'],
  [3, 'MPX bounds'],
  [4, 'MPX configuration'],
  [5, 'AVX-512 opmask'],
  [6, 'AVX-512 ZMM0-15'],
  [7, 'AVX-512 ZMM16-31'],
  [8, 'processor trace'],
  [9, 'PKRU'],
  [11, 'shadow stack'],
  [17, 'AMX configuration'],
  [18, 'AMX tiles'],
]);
