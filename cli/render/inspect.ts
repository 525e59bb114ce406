/** What `inspect` prints. */
import type { InspectReport } from '../../builder/api.js';
import { formatBytes, shortDigest } from './format.js';
import { formatRestorer } from './layers.js';
import { painter, signs, type Look } from './look.js';
import { renderPairs } from './table.js';
import { clean, cleanLine, fit, formatCommand } from './text.js';

/** How many files and refusals are listed; `--json` has all. */
const shownFiles = 20;
const shownRefusals = 10;

export function renderInspect(report: InspectReport, look: Look): string {
  const paint = painter(look.color);
  const { record, memory } = report;
  const list = (names: readonly string[]) => (names.length === 0 ? 'none' : names.map(cleanLine).join(', '));
  return [
    `${paint.bold(cleanLine(report.image))}  ${paint.dim(shortDigest(report.imageId))}`,
    ...renderPairs(
      [
        ['created', cleanLine(report.created)],
        ['made from', `${cleanLine(report.base.name)} ${shortDigest(report.base.digest)}`],
        ['restorer', formatRestorer(report.restorer, report.mode)],
        ['checkpoint', `engine ${cleanLine(report.engine)}, kernel ${cleanLine(report.kernel)}`],
        ['java', cleanLine(report.jdk)],
        ['CPUs', cleanLine(report.cpu)],
        ['clock', report.clock.continues ? 'goes on from the checkpoint' : `jumps at a start: ${cleanLine(report.clock.reason)}`],
        ['agent', describeAgent(report.agent)],
        ['start it', clean(report.runCommand)],
      ],
      look,
    ),
    ...report.warnings.map((warning) => `${paint.yellow(signs(look.unicode).warning)} ${cleanLine(warning)}`),
    ...renderRefusals(report.refusals, look),
    '',
    paint.bold('layers'),
    ...renderPairs(
      report.layers.map(
        ({ role, diffId, sizeBytes }) =>
          [role, `${(sizeBytes === null ? '?' : formatBytes(sizeBytes)).padStart(9)}  ${shortDigest(diffId)}`] as const,
      ),
      look,
    ),
    '',
    paint.bold('record'),
    ...renderPairs(
      [
        ['command', formatCommand(record.argv)],
        ['directory', cleanLine(record.cwd)],
        ['user', `${record.uid}:${record.gid}`],
        ['process', `PID ${record.pid}, ${record.threads} threads`],
        ['fallback', `${record.fallback}, after ${record.deadlineMs} ms`],
        ['variables', list(record.environment)],
        ['ignored', list(record.ignoredEnvironment)],
        ['carried', list(record.carried)],
      ],
      look,
    ),
    '',
    paint.bold(`memory: ${formatBytes(memory.dumpBytes)} in ${memory.vmas} mappings`),
    ...(memory.kinds.length === 0
      ? []
      : renderPairs(
          memory.kinds.map(({ kind, bytes }) => [cleanLine(kind), formatBytes(bytes).padStart(9)] as const),
          look,
        )),
    '',
    paint.bold(`files: ${record.files.length}`),
    ...record.files.slice(0, shownFiles).map(({ path, use, sizeBytes }) => {
      const end = `  ${use}  ${formatBytes(sizeBytes)}`;
      return `  ${fit(cleanLine(path), Math.max(look.width - end.length - 3, 20), signs(look.unicode).more)}${paint.dim(end)}`;
    }),
    ...(record.files.length > shownFiles ? [paint.dim(`  and ${record.files.length - shownFiles} more (--json has them)`)] : []),
    '',
  ].join('\n');
}

function describeAgent(agent: InspectReport['agent']): string {
  if (agent === null) return 'none: environment and random numbers are those of the build';
  const frozen = agent.frozen.length === 0 ? '' : `, frozen: ${agent.frozen.map(cleanLine).join(', ')}`;
  return `callbacks ${agent.callbacks}${frozen}`;
}

/** Why the restorer is not the tape. */
function renderRefusals(refusals: InspectReport['refusals'], look: Look): readonly string[] {
  if (refusals.length === 0) return [];
  const { bold, dim } = painter(look.color);
  const more = refusals.length - shownRefusals;
  return [
    '',
    bold('what a tape cannot express of it'),
    ...refusals.slice(0, shownRefusals).map(({ object, reason }) => `  ${cleanLine(object)}: ${cleanLine(reason)}`),
    ...(more > 0 ? [dim(`  and ${more} more (--json has them)`)] : []),
  ];
}
