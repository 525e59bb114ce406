import test from 'ava';
import { scriptedVariables } from '../../../../builder/agent/scripted.js';

test('what a script added, changed and took away, with what it had begun with', (t) => {
  const given = { PATH: '/bin', URL: 'db', GONE: 'x=y', SAME: '' };
  const environ = ['PATH=/bin', 'URL=jdbc:db', 'NEW=1', 'SAME=', 'no variable', ''].join('\0');
  t.deepEqual(scriptedVariables(given, new Set(), environ), ['GONE=x=y', 'NEW', 'URL=db']);
  t.deepEqual(scriptedVariables(given, new Set(['URL', 'NEW']), environ), ['GONE=x=y']);
});

test('nothing where no script was', (t) => {
  t.deepEqual(scriptedVariables({ PATH: '/bin' }, new Set(), 'PATH=/bin\0'), []);
});
