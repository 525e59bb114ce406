/** What crac-init @look finds at descriptors and threads (templates/init/verb_look.c). */

export interface LookedOption {
  readonly level: number;
  readonly name: number;
  /** 0: it has no value. */
  readonly sizeBytes: number;
  /** The first 8 bytes. */
  readonly value: bigint;
}

export interface Looked {
  /** Of poll(2), by descriptor. */
  readonly events: ReadonlyMap<number, number>;
  /** Of sockets, by descriptor: those that a new socket of the same kind has otherwise. */
  readonly options: ReadonlyMap<number, readonly LookedOption[]>;
  /** What the process got from calls that it was made to make, by their places in the list of verb_look.c. */
  readonly calls: readonly bigint[];
  /** By ID. */
  readonly threads: ReadonlyMap<number, LookedThread>;
}

/** SO_PEERCRED of a connected UNIX socket: the process at the other end, or that made the pair. */
export const peerOf = ({ options }: Looked, descriptor: number): number | undefined => {
  const credentials = options.get(descriptor)?.find(({ level, name }) => level === LEVEL.socket && name === 17);
  return credentials === undefined ? undefined : Number(credentials.value & 0xffff_ffffn);
};

export interface LookedThread {
  /** Of input and output (ioprio_get(2)). */
  readonly priority: number;
  /** Whether it has flags, a time slice or utilisation clamps that a new process has not (sched_setattr(2)). */
  readonly isScheduledOtherwise: boolean;
}

export const nothingLooked: Looked = { events: new Map(), options: new Map(), calls: [], threads: new Map() };

/** POLLIN, POLLPRI, POLLERR. */
export const POLL = { in: 1, priority: 2, error: 8 } as const;

/** From the lines that it prints. */
export function parseLooked(text: string): Looked {
  const events = new Map<number, number>();
  const options = new Map<number, LookedOption[]>();
  const threads = new Map<number, LookedThread>();
  const calls: bigint[] = [];
  for (const line of text.split('\n')) {
    const words = line.replace(/^[ct]/u, '').trim().split(' ');
    const [of = 0, second = 0, third = 0, sizeBytes = 0] = words.map(Number);
    if (line.startsWith('c')) calls.push(BigInt.asIntN(64, BigInt(words[1] ?? '0')));
    else if (words.length === 2) events.set(of, second);
    else if (line.startsWith('t')) threads.set(of, { priority: second, isScheduledOtherwise: words.slice(2).some((word) => word !== '0') });
    else if (words.length === 5) {
      const option = { level: second, name: third, sizeBytes, value: BigInt(words[4] ?? '0') };
      options.set(of, [...(options.get(of) ?? []), option]);
    }
  }
  return { events, options, calls, threads };
}

/** SOL_SOCKET, IPPROTO_IP, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_IPV6. */
const LEVEL = { socket: 1, ip: 0, tcp: 6, udp: 17, ipv6: 41 } as const;

/** Options that CRIU's images have, and those that tell of the moment or of the other end and cannot be set. */
const known: ReadonlyMap<number, ReadonlySet<number>> = new Map([
  [
    LEVEL.socket,
    new Set([
      ...[2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 15, 16, 17, 18, 19, 20, 21, 25, 26, 28, 30, 31, 34, 36, 38, 39],
      // SO_INCOMING_CPU, SO_MEMINFO, SO_INCOMING_NAPI_ID, SO_COOKIE, SO_PEERGROUPS, SO_BINDTOIFINDEX, SO_RCVTIMEO_NEW, SO_SNDTIMEO_NEW,
      // SO_NETNS_COOKIE, SO_BUF_LOCK, SO_PEERPIDFD
      ...[49, 55, 56, 57, 59, 62, 66, 67, 71, 72, 77],
    ]),
  ],
  // IP_MTU, IP_PROTOCOL (the port)
  [LEVEL.ip, new Set([1, 2, 8, 14, 15, 52])],
  // TCP_INFO, TCP_REPAIR and what belongs to it (CRIU left it so), TCP_TIMESTAMP, TCP_CC_INFO, TCP_SAVED_SYN, TCP_ZEROCOPY_RECEIVE
  [LEVEL.tcp, new Set([1, 3, 4, 5, 6, 11, 19, 20, 21, 22, 24, 26, 28, 29, 35])],
  // IPV6_ADDRFORM, IPV6_MTU, IPV6_PATHMTU
  [LEVEL.ipv6, new Set([1, 24, 26, 49, 61, 78])],
]);

export const isKnownOption = ({ level, name }: LookedOption): boolean => known.get(level)?.has(name) === true;

const names: ReadonlyMap<string, string> = new Map(
  Object.entries({
    ...{ '1 1': 'SO_DEBUG', '1 42': 'SO_PEEK_OFF', '1 43': 'SO_NOFCS', '1 44': 'SO_LOCK_FILTER', '1 45': 'SO_SELECT_ERR_QUEUE' },
    ...{ '1 46': 'SO_BUSY_POLL', '1 47': 'SO_MAX_PACING_RATE', '1 37': 'SO_TIMESTAMPING', '1 61': 'SO_TXTIME', '1 73': 'SO_RESERVE_MEM' },
    ...{ '1 75': 'SO_RCVMARK', '1 76': 'SO_PASSPIDFD', '0 4': 'IP_OPTIONS', '0 19': 'IP_TRANSPARENT', '0 32': 'IP_MULTICAST_IF' },
    ...{ '0 50': 'IP_UNICAST_IF', '0 51': 'IP_LOCAL_PORT_RANGE', '6 13': 'TCP_CONGESTION', '6 31': 'TCP_ULP', '6 37': 'TCP_TX_DELAY' },
    ...{ '41 17': 'IPV6_MULTICAST_IF', '41 75': 'IPV6_TRANSPARENT', '41 76': 'IPV6_UNICAST_IF', '17 100': 'UDP_ENCAP' },
  }),
);

/** `IP_TRANSPARENT`, or `7 of level 0` */
export const nameOfOption = ({ level, name }: LookedOption): string => names.get(`${level} ${name}`) ?? `${name} of level ${level}`;
