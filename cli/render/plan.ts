/** What `build --dry-run` prints. */
import type { BuildPlan } from '../../builder/api.js';
import { painter, signs, type Look } from './look.js';
import { renderPairs } from './table.js';
import { cleanLine, formatCommand } from './text.js';

type Rights = BuildPlan['buildRights'];

export function renderPlan(plan: BuildPlan, look: Look): string {
  const paint = painter(look.color);
  const line = (name: string, value: string): readonly [string, string] => [name, cleanLine(value)];
  return [
    paint.bold(`plan for ${cleanLine(plan.tag)}`),
    ...renderPairs(
      [
        line('engine', plan.engine),
        line('made from', plan.base),
        ['command', plan.command.length === 0 ? 'known when the image is there' : formatCommand(plan.command)],
        line('user', plan.user === '' ? 'root' : plan.user),
        line('java', plan.java),
        line('heap', plan.heap),
        line('ready', plan.readiness),
        ['warm-up', plan.warmups.length === 0 ? 'none' : plan.warmups.map(cleanLine).join('\n')],
        line('checkpoint', plan.checkpoint),
        line('restore', plan.restore),
        line('CPUs', plan.cpu),
      ],
      look,
    ),
    ...renderRights('rights of the build container', plan.buildRights, look),
    ...renderRights('rights of a start', plan.runRights, look),
    ...plan.warnings.map((text) => `${paint.yellow(signs(look.unicode).warning)} ${cleanLine(text)}`),
    '',
  ].join('\n');
}

function renderRights(title: string, rights: Rights, look: Look): string[] {
  const heading = painter(look.color).bold(title);
  if (rights.length === 0) return [heading, '  none beyond those of every container'];
  return [
    heading,
    ...renderPairs(
      rights.map(({ right, reason }) => [right, cleanLine(reason)] as const),
      look,
    ),
  ];
}
