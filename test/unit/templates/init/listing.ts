/** The listing of a record, as `native/list_records.c` prints it. */
import { carriedTypes, fallbacks, fileUses, modes, recordFlags, restorers } from '../../../../images/record/layout.js';
import type { RestoreRecord } from '../../../../images/record/record.js';

function quoted(text: string): string {
  const escape = (byte: number): string =>
    byte < 0x20 || byte >= 0x7f || byte === 0x5c ? `\\x${byte.toString(16).padStart(2, '0')}` : String.fromCharCode(byte);
  return `"${[...Buffer.from(text)].map(escape).join('')}"`;
}

/** One line for each value, in the order of the bytes. */
export function listRecord(record: RestoreRecord): string {
  const flags =
    (record.boundAtStart ? recordFlags.boundAtStart : 0) |
    (record.privateVariant ? recordFlags.privateVariant : 0) |
    (record.groups === undefined ? 0 : recordFlags.groupsKnown) |
    (record.agent === undefined ? 0 : recordFlags.agent);
  return [
    `restorer ${restorers[record.restorer]} mode ${modes[record.mode]} fallback ${fallbacks[record.fallback]} flags ${flags} deadlineMs ${record.deadlineMs}`,
    `uid ${record.uid} gid ${record.gid} pid ${record.pid} pipes ${record.streamPipeIds.join(' ')}`,
    `xcr0 ${record.xcr0} monotonicNs ${record.monotonicNs} boottimeNs ${record.boottimeNs} memoryBytes ${record.memoryBytes} ${record.mostMemoryBytes} processors ${record.processors} capabilities ${record.effectiveCapabilities}`,
    `store ${record.store?.sizeBytes ?? 0} ${record.store?.sha256 ?? '00'.repeat(32)}`,
    `kernel ${quoted(record.kernel?.name ?? '')} ${record.kernel?.capabilities ?? 0}`,
    `resumeSignal ${record.resumeSignal?.signal ?? 0} ${record.resumeSignal?.value ?? 0}`,
    `cpuVendor ${quoted(record.cpuVendor)}`,
    `cwd ${quoted(record.cwd)}`,
    ...record.argv.map((word) => `argv ${quoted(word)}`),
    ...record.environment.map(({ name, valueHash }) => `environment ${quoted(name)} ${valueHash}`),
    ...record.secretNames.map((name) => `secret ${quoted(name)}`),
    ...record.ignoredEnvironment.map((glob) => `ignored ${quoted(glob)}`),
    ...(record.agent === undefined ? [] : [`page ${record.agent.monotonicNs} ${record.agent.realtimeNs}`]),
    ...(record.agent?.frozenEnvironment ?? []).map((name) => `frozen ${quoted(name)}`),
    ...record.cpuWords.map((word) => `cpuWord ${word}`),
    ...record.tids.map((tid) => `tid ${tid}`),
    ...(record.groups ?? []).map((group) => `group ${group}`),
    ...record.files.map(
      (file) => `file ${quoted(file.path)} ${fileUses[file.use]} ${file.sizeBytes} ${file.mtimeSeconds} ${Number(file.carried)}`,
    ),
    ...record.carried.map((file) =>
      [
        `carried ${quoted(file.path)} ${carriedTypes[file.type]} ${file.mode.toString(8)} ${file.uid}:${file.gid}`,
        `${file.mtimeSeconds} ${file.content} ${Number(file.refresh)} ${quoted(file.target)}`,
      ].join(' '),
    ),
    ...record.checkpointFiles.map(({ name, sizeBytes }) => `checkpoint ${quoted(name)} ${sizeBytes}`),
    ...record.prefetch.map(({ path, offset, sizeBytes }) => `prefetch ${quoted(path)} ${offset} ${sizeBytes}`),
    '',
  ].join('\n');
}
