import test from 'ava';
import { lookOf } from '../../../cli/render/look.js';
import { clean, cleanLine, columnsOf, fit } from '../../../cli/render/text.js';
import { formatBytes, formatMs } from '../../../cli/render/format.js';
import { Captured } from './surroundings.js';

const look = test.macro({
  title: (_, env: Record<string, string>, isTTY: boolean) => `look: ${JSON.stringify(env)} ${isTTY ? 'terminal' : 'pipe'}`,
  exec: (t, env: Record<string, string>, isTTY: boolean, color: boolean, unicode: boolean) => {
    t.deepEqual(lookOf(new Captured(isTTY, 100), env), { width: 100, color, unicode });
  },
});

test(look, { LANG: 'en_US.UTF-8' }, true, true, true);
test(look, { LANG: 'en_US.UTF-8' }, false, false, true);
test(look, { LANG: 'en_US.UTF-8', NO_COLOR: '1' }, true, false, true);
test(look, { NO_COLOR: '' }, true, true, false);
test(look, { LANG: 'C.utf8', FORCE_COLOR: '1', NO_COLOR: '1' }, false, true, true);
test(look, { FORCE_COLOR: '0' }, true, false, false);
test(look, { LANG: 'en_US.UTF-8', LC_ALL: 'C' }, true, true, false);
test(look, { TERM: 'dumb' }, true, false, false);

test('text from outside', (t) => {
  t.is(clean('a\u001b[2Jb\u0000\tc\nd\r'), 'ab c\nd');
  t.is(clean('\u202eevil'), 'evil');
  t.is(clean('\u001b]0;title\u0007x'), 'x');
  t.is(cleanLine('a \n b'), 'a b');
});

test('columns', (t) => {
  t.is(columnsOf('abc'), 3);
  t.is(columnsOf('日本'), 4);
  t.is(columnsOf('e\u0301'), 1);
  t.is(columnsOf('🚀'), 2);
  t.is(fit('日本語', 5, '…'), '日本…');
  t.is(fit('abcdef', 4, '...'), 'a...');
  t.is(fit('abcdef', 2, '...'), '');
  t.is(fit('abc', 3, '…'), 'abc');
});

test('sizes and times', (t) => {
  t.deepEqual([0, 999, 2 ** 20 * 1.5, 2 ** 31].map(formatBytes), ['0 B', '999 B', '1.5 MiB', '2 GiB']);
  t.deepEqual([0.25, 9.96, 142.4, 999.6, 3210, 12_345, 63_000].map(formatMs), [
    '0.3 ms',
    '10 ms',
    '142 ms',
    '1.00 s',
    '3.21 s',
    '12.3 s',
    '1m 3s',
  ]);
});
