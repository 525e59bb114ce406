import test from 'ava';
import { commandNames, commands } from '../../../cli/flags.js';
import { helpText } from '../../../cli/help.js';

for (const name of [null, ...commandNames]) {
  test(`help of ${name ?? 'the program'} fits 80x40 and ends with examples`, (t) => {
    const lines = helpText(name).split('\n');
    t.is(lines.at(-1), '');
    t.true(lines.length - 1 <= 40, `${lines.length} lines`);
    t.deepEqual(
      lines.filter((line) => line.length > 80),
      [],
    );
    const examples = lines.slice(lines.indexOf('Examples:') + 1, -1);
    t.true(examples.length >= 2 && examples.every((line) => line.startsWith('  ')));
  });
}

for (const name of commandNames) {
  test(`help of ${name} names each flag, and no other`, (t) => {
    const text = helpText(name).split('Examples:')[0] ?? '';
    const named = new Set(text.match(/--[a-z-]+/g));
    named.delete('--help');
    t.deepEqual(
      [...named].sort(),
      Object.keys(commands[name].flags)
        .map((flag) => `--${flag}`)
        .sort(),
    );
    for (const [flag, spec] of Object.entries(commands[name].flags)) {
      if ('short' in spec) t.true(text.includes(`-${spec.short}, --${flag}`), flag);
    }
  });
}
