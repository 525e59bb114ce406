import test from 'ava';
import { CracError } from '../../../../builder/errors.js';
import { parseGroup, parsePasswd, resolveUser } from '../../../../builder/step/user.js';

const passwd = parsePasswd('root:x:0:0:root:/root:/bin/sh\n# a comment\napp:x:1000:1001:App:/home/app:/bin/sh\nlone:x:1002:1002::\n');
const group = parseGroup('root:x:0:\napp:x:1001:\ndocker:x:990:app,root\nvideo:x:44:app\n');

const resolves = test.macro({
  exec(t, spec: string, expected: { uid: number; gid: number; groups: readonly number[]; home: string }) {
    t.deepEqual(resolveUser(spec, passwd, group), expected);
  },
  title: (_, spec: string) => `USER "${spec}"`,
});

test(resolves, '', { uid: 0, gid: 0, groups: [0, 990], home: '/root' });
test(resolves, 'app', { uid: 1000, gid: 1001, groups: [1001, 990, 44], home: '/home/app' });
test(resolves, '1000', { uid: 1000, gid: 1001, groups: [1001, 990, 44], home: '/home/app' });
test(resolves, 'app:video', { uid: 1000, gid: 44, groups: [44], home: '/home/app' });
test(resolves, '4711:4712', { uid: 4711, gid: 4712, groups: [4712], home: '/' });
test(resolves, '4711', { uid: 4711, gid: 0, groups: [0], home: '/' });
test(resolves, 'lone', { uid: 1002, gid: 1002, groups: [1002], home: '/' });

for (const spec of ['nobody-here', 'app:nogroup']) {
  test(`USER "${spec}" is refused`, (t) => {
    const error = t.throws(() => resolveUser(spec, passwd, group), { instanceOf: CracError });
    t.is(error.code, 'CRAC-APP-START-FAILED');
  });
}
