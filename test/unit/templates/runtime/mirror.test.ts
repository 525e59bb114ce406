import test from 'ava';

import { archivesOf } from '../../../../templates/runtime/mirror.js';

test('the main archive is told by its label, not by its address', (t) => {
  const targets = [
    'Packages|Debian|Debian|http://mirror.test/some/where/',
    'Packages|Debian|Debian|http://mirror.test/some/where',
    'Packages|Debian|Debian-Security|http://mirror.test/security/',
    'Packages|Somebody|Tools|http://tools.test/debian/',
    'DEP-11|Debian|Debian|http://other.test/debian/',
  ].join('\n');
  t.deepEqual(archivesOf(targets), ['http://mirror.test/some/where/']);
});

test('before the first update the address has to do', (t) => {
  const targets = ['Packages|||http://mirror.test/debian', 'Packages|||http://mirror.test/debian-security'].join('\n');
  t.deepEqual(archivesOf(targets), ['http://mirror.test/debian/']);
});

test('no Debian source: nothing', (t) => {
  t.deepEqual(archivesOf(''), []);
  t.deepEqual(archivesOf('Packages|Ubuntu|Ubuntu|http://mirror.test/ubuntu/'), []);
});
