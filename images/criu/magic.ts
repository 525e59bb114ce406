/**
 * The types of CRIU's image files: magic number, and the message that each entry is. Types without a message here have entries whose
 * bytes are kept as they are. Numbers: CRIU v4.2 criu/include/magic.h; file names: criu/image-desc.c.
 */
import * as file from './messages/file.js';
import * as memory from './messages/memory.js';
import * as socket from './messages/socket.js';
import * as task from './messages/task.js';
import * as whole from './messages/whole.js';
import type { AnyMessageType } from './schema.js';

/** First word of every image of version 1.1 but the inventory's; the type's own magic follows. */
export const COMMON_MAGIC = 0x54564319;
/** The same for files that are no part of the checkpoint itself: statistics, caches. */
export const SERVICE_MAGIC = 0x55105940;

export interface ImageType {
  readonly magic: number;
  readonly entry?: AnyMessageType;
  /** The first entry, where it differs from the others. */
  readonly head?: AnyMessageType;
}

export const imageTypes = {
  INVENTORY: { magic: 0x58313116, entry: whole.inventoryEntry },
  PSTREE: { magic: 0x50273030, entry: task.pstreeEntry },
  FDINFO: { magic: 0x56213732, entry: file.fdinfoEntry },
  PAGEMAP: { magic: 0x56084025, head: memory.pagemapHead, entry: memory.pagemapEntry },
  CORE: { magic: 0x55053847, entry: task.coreEntry },
  IDS: { magic: 0x54432030, entry: task.taskKobjIdsEntry },
  VMAS: { magic: 0x54123737, entry: memory.vmaEntry },
  PIPES: { magic: 0x56513555, entry: file.pipeEntry },
  PIPES_DATA: { magic: 0x56453709, entry: file.pipeDataEntry },
  FIFO: { magic: 0x58364939, entry: file.fifoEntry },
  FIFO_DATA: { magic: 0x59333054, entry: file.pipeDataEntry },
  SIGACT: { magic: 0x55344201, entry: task.saEntry },
  UNIXSK: { magic: 0x54373943, entry: socket.unixSkEntry },
  INETSK: { magic: 0x56443851, entry: socket.inetSkEntry },
  PACKETSK: { magic: 0x60454618 },
  ITIMERS: { magic: 0x57464056, entry: task.itimerEntry },
  POSIX_TIMERS: { magic: 0x52603957, entry: task.posixTimerEntry },
  SK_QUEUES: { magic: 0x56264026, entry: socket.skPacketEntry },
  UTSNS: { magic: 0x54473203, entry: whole.utsnsEntry },
  CREDS: { magic: 0x54023547, entry: task.credsEntry },
  IPC_VAR: { magic: 0x53115007 },
  IPCNS_SHM: { magic: 0x46283044, entry: memory.ipcShmEntry },
  IPCNS_MSG: { magic: 0x55453737, entry: memory.ipcMsgEntry },
  IPCNS_SEM: { magic: 0x59573019, entry: memory.ipcSemEntry },
  REG_FILES: { magic: 0x50363636, entry: file.regFileEntry },
  EXT_FILES: { magic: 0x59255641, entry: file.extFileEntry },
  FS: { magic: 0x51403912, entry: task.fsEntry },
  MM: { magic: 0x57492820, entry: memory.mmEntry },
  REMAP_FPATH: { magic: 0x59133954, entry: file.remapFilePathEntry },
  GHOST_FILE: { magic: 0x52583605, head: file.ghostFileEntry, entry: file.ghostChunkEntry },
  TCP_STREAM: { magic: 0x51465506, entry: socket.tcpStreamEntry },
  EVENTFD_FILE: { magic: 0x44523722, entry: file.eventfdFileEntry },
  EVENTPOLL_FILE: { magic: 0x45023858, entry: file.eventpollFileEntry },
  EVENTPOLL_TFD: { magic: 0x44433746, entry: file.eventpollTfdEntry },
  SIGNALFD: { magic: 0x57323820, entry: file.signalfdEntry },
  INOTIFY_FILE: { magic: 0x48424431, entry: file.inotifyFileEntry },
  INOTIFY_WD: { magic: 0x54562009, entry: file.inotifyWdEntry },
  MNTS: { magic: 0x55563928 },
  NETDEV: { magic: 0x57373951 },
  NETNS: { magic: 0x55933752 },
  TTY_FILES: { magic: 0x59433025, entry: file.ttyFileEntry },
  TTY_INFO: { magic: 0x59453036, entry: file.ttyInfoEntry },
  TTY_DATA: { magic: 0x59413026, entry: file.ttyDataEntry },
  FILE_LOCKS: { magic: 0x54323616, entry: file.fileLockEntry },
  RLIMIT: { magic: 0x57113925, entry: task.rlimitEntry },
  FANOTIFY_FILE: { magic: 0x55096122 },
  FANOTIFY_MARK: { magic: 0x56506035 },
  SIGNAL: { magic: 0x59255647, entry: task.siginfoEntry },
  NETLINK_SK: { magic: 0x58005614, entry: socket.netlinkSkEntry },
  NS_FILES: { magic: 0x61394011, entry: file.nsFileEntry },
  TUNFILE: { magic: 0x57143751, entry: file.tunfileEntry },
  CGROUP: { magic: 0x59383330, entry: whole.cgroupEntry },
  TIMERFD: { magic: 0x50493712, entry: file.timerfdEntry },
  CPUINFO: { magic: 0x61404013, entry: whole.cpuinfoEntry },
  USERNS: { magic: 0x55474906 },
  SECCOMP: { magic: 0x64413049, entry: task.seccompEntry },
  BINFMT_MISC: { magic: 0x67343323 },
  AUTOFS: { magic: 0x49353943 },
  FILES: { magic: 0x56303138, entry: file.fileEntry },
  MEMFD_INODE: { magic: 0x48453499, entry: memory.memfdInodeEntry },
  TIMENS: { magic: 0x43114433, entry: whole.timensEntry },
  PIDNS: { magic: 0x61157326 },
  BPFMAP_FILE: { magic: 0x57506142 },
  BPFMAP_DATA: { magic: 0x64324033, entry: memory.bpfmapDataEntry },
  APPARMOR: { magic: 0x59423047 },
  PIDFD: { magic: 0x54435556, entry: file.pidfdEntry },
  STATS: { magic: 0x57093306, entry: whole.statsEntry },
  IRMAP_CACHE: { magic: 0x57004059 },
} as const satisfies Readonly<Record<string, ImageType>>;

export type ImageTypeName = keyof typeof imageTypes;

const typesByMagic: ReadonlyMap<number, ImageTypeName> = new Map(
  Object.entries(imageTypes).map(([name, type]) => [type.magic, name as ImageTypeName]),
);

export const imageTypeByMagic = (magic: number): ImageTypeName | undefined => typesByMagic.get(magic);

/** The message that the entry `index` of an image of this type is. */
export function entryMessage(name: ImageTypeName, index: number): AnyMessageType | undefined {
  const type: ImageType = imageTypes[name];
  return index === 0 ? (type.head ?? type.entry) : type.entry;
}

/** Files without any magic: memory pages, and what other tools wrote (ip, iptables, nft, tar). */
const RAW_NAME =
  /^(?:pages|pages-shmem|ifaddr|route6?|rule|ip6?tables|nftables|tmpfs|tmpfs-dev|netns-ct|netns-exp)-[0-9]+(?:\.tar\.gz)?\.img$/u;

export const isRawImage = (fileName: string): boolean => RAW_NAME.test(fileName);
