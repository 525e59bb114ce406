/** Bits and numbers inside image files that code here decides by. Values as on x86-64 and aarch64 unless a line says otherwise. */

/** vma_entry.status (CRIU v4.2 criu/include/image.h). */
export const VMA = {
  REGULAR: 1 << 0,
  STACK: 1 << 1,
  VSYSCALL: 1 << 2,
  VDSO: 1 << 3,
  HEAP: 1 << 5,
  FILE_PRIVATE: 1 << 6,
  FILE_SHARED: 1 << 7,
  ANON_SHARED: 1 << 8,
  ANON_PRIVATE: 1 << 9,
  SYSVIPC: 1 << 10,
  SOCKET: 1 << 11,
  VVAR: 1 << 12,
  AIORING: 1 << 13,
  MEMFD: 1 << 14,
  SHSTK: 1 << 15,
  GUARD: 1 << 16,
  UPROBES: 1 << 17,
} as const;

/** vma_entry.prot and .flags (mmap(2), include/uapi/asm-generic/mman*.h). */
export const PROT = { READ: 1, WRITE: 2, EXEC: 4 } as const;
export const MAP = {
  SHARED: 0x1,
  PRIVATE: 0x2,
  FIXED: 0x10,
  ANONYMOUS: 0x20,
  GROWSDOWN: 0x100,
  DENYWRITE: 0x800,
  LOCKED: 0x2000,
  NORESERVE: 0x4000,
  POPULATE: 0x8000,
  STACK: 0x20000,
  HUGETLB: 0x40000,
} as const;

/** pagemap_entry.flags (CRIU v4.2 criu/include/pagemap.h). */
export const PAGEMAP = { PARENT: 1 << 0, LAZY: 1 << 1, PRESENT: 1 << 2 } as const;

/** File status flags as open(2) takes them on x86-64 (aarch64 has other numbers for O_DIRECTORY, O_NOFOLLOW, O_DIRECT, O_LARGEFILE). */
export const OPEN = {
  WRONLY: 0o1,
  RDWR: 0o2,
  CREAT: 0o100,
  EXCL: 0o200,
  NOCTTY: 0o400,
  TRUNC: 0o1000,
  APPEND: 0o2000,
  NONBLOCK: 0o4000,
  DSYNC: 0o10000,
  ASYNC: 0o20000,
  DIRECT: 0o40000,
  LARGEFILE: 0o100000,
  DIRECTORY: 0o200000,
  NOFOLLOW: 0o400000,
  NOATIME: 0o1000000,
  CLOEXEC: 0o2000000,
  PATH: 0o10000000,
  /** __O_TMPFILE; O_TMPFILE has DIRECTORY with it. */
  TMPFILE: 0o20000000,
} as const;
export const OPEN_ACCESS_MASK = 0o3;

/** The file type in st_mode (inode(7)). */
export const MODE_TYPE_MASK = 0o170000;
export const MODE_TYPE = {
  0o010000: 'fifo',
  0o020000: 'char',
  0o040000: 'directory',
  0o060000: 'block',
  0o100000: 'file',
  0o120000: 'symlink',
  0o140000: 'socket',
} as const;

export const PAGE_BYTES = 4096;

/** file_entry.type and fdinfo_entry.type. */
export const FILE_TYPE = {
  REG: 1,
  PIPE: 2,
  FIFO: 3,
  INETSK: 4,
  UNIXSK: 5,
  EVENTFD: 6,
  EVENTPOLL: 7,
  INOTIFY: 8,
  SIGNALFD: 9,
  PACKETSK: 10,
  TTY: 11,
  FANOTIFY: 12,
  NETLINKSK: 13,
  NS: 14,
  TUNF: 15,
  EXT: 16,
  TIMERFD: 17,
  MEMFD: 18,
  BPFMAP: 19,
  PIDFD: 20,
} as const;
export type FileTypeName = keyof typeof FILE_TYPE;

/** task_core_entry.task_state (CRIU v4.2 compel/include/uapi/task-state.h). */
export const TASK_STATE = { ALIVE: 1, DEAD: 2, STOPPED: 3, ZOMBIE: 6 } as const;

/** Socket states as the kernel numbers them for TCP, used for UNIX sockets too. */
export const SOCKET_STATE = {
  ESTABLISHED: 1,
  SYN_SENT: 2,
  SYN_RECV: 3,
  FIN_WAIT1: 4,
  FIN_WAIT2: 5,
  TIME_WAIT: 6,
  CLOSE: 7,
  CLOSE_WAIT: 8,
  LAST_ACK: 9,
  LISTEN: 10,
} as const;

/** remap_file_path_entry.remap_type: how a file without a name of its own is brought back. */
export const REMAP = { LINKED: 0, GHOST: 1, PROCFS: 2 } as const;

/** Names by number, for listings. */
export const namesOf = (table: Readonly<Record<string, number>>): Readonly<Record<number, string>> =>
  Object.fromEntries(Object.entries(table).map(([name, value]) => [value, name]));
