import test from 'ava';
import fc from 'fast-check';
import { FormatError } from '../../../../images/errors.js';
import { ancestorPaths, baseName, childPath, comparePaths, layerPathOfTarName, parentPath } from '../../../../images/layers/path.js';

test('names of tar archives become layer paths', (t) => {
  for (const name of ['a/b', './a/b', '/a/b', 'a/b/', 'a//b', './/a/./b/']) t.is(layerPathOfTarName(name), '/a/b');
  for (const name of ['.', './', '/']) t.is(layerPathOfTarName(name), '/');
});

test('names that leave the root are refused, whatever is around them', (t) => {
  for (const name of ['..', '../a', 'a/../b', '/..', 'a/..', 'a\0b', '', 'a/'.repeat(3000)]) {
    t.throws(() => layerPathOfTarName(name), { instanceOf: FormatError }, name);
  }
});

test('any name is a normalised path or a FormatError', (t) => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (name) => {
      try {
        const path = layerPathOfTarName(name);
        t.true(path === '/' || /^(?:\/(?!\.{1,2}(?:\/|$))[^/\0]+)+$/.test(path), path);
      } catch (error) {
        t.true(error instanceof FormatError);
      }
    }),
  );
});

test('parts of paths', (t) => {
  t.deepEqual(
    [parentPath('/a'), parentPath('/a/b'), baseName('/a/b'), childPath('/', 'a'), childPath('/a', 'b')],
    ['/', '/a', 'b', '/a', '/a/b'],
  );
  t.deepEqual(ancestorPaths('/a/b/c'), ['/a', '/a/b']);
  t.deepEqual(ancestorPaths('/a'), []);
});

test('the order is that of a walk by bytes', (t) => {
  const walk = ['/a', '/a/b', '/a/b/c', '/a-b', '/a.b', '/b', '/\uff61', '/\u{1f600}'];
  t.deepEqual([...walk].reverse().sort(comparePaths), walk);
});
