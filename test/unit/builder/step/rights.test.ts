import test from 'ava';
import { missingRights } from '../../../../builder/step/rights.js';

const status = (capEff: string, seccomp: string): string =>
  `Name:\tnode\nCapPrm:\t0\nCapEff:\t${capEff}\nSeccomp:\t${seccomp}\nSeccomp_filters:\t0\n`;

test('all are there', (t) => {
  t.deepEqual(missingRights(status('000001ffffffffff', '0')), []);
  // Docker's default set with the three that are asked for.
  t.deepEqual(missingRights(status('00000000aaa825fb', '0')), []);
});

test('what an engine left out is named', (t) => {
  t.deepEqual(missingRights(status('00000000a80425fb', '2')), ['CAP_SYS_ADMIN', 'CAP_SYS_PTRACE', 'CAP_SYS_TIME', 'seccomp=unconfined']);
  t.deepEqual(missingRights(status('0000000000280000', '0')), ['CAP_SYS_TIME']);
});

test('a kernel that tells nothing of seccomp', (t) => {
  t.deepEqual(missingRights('CapEff:\t000001ffffffffff\n'), []);
});
