import assert from 'node:assert/strict';
import test from 'ava';
import fc from 'fast-check';
import { Placement } from '../../../../images/tape/compile/placement.js';
import type { Target } from '../../../../images/tape/compile/process-images.js';
import { TapeWriter } from '../../../../images/tape/writer.js';
import { playDescriptors } from './descriptor-model.js';

interface Layout {
  /** Of each standard stream. */
  readonly streams: readonly [readonly Target[], readonly Target[], readonly Target[]];
  readonly objects: readonly (
    | { readonly kind: 'one'; readonly targets: readonly Target[] }
    | { readonly kind: 'pair'; readonly ends: readonly [readonly Target[], readonly Target[]] }
  )[];
}

/** Numbers dealt out to streams, files and pairs, each to no more than one. */
const layout: fc.Arbitrary<Layout> = fc
  .record({
    numbers: fc.uniqueArray(fc.oneof(fc.nat(12), fc.nat(12), fc.nat(90)), { maxLength: 14 }),
    owners: fc.array(fc.nat(10), { minLength: 14, maxLength: 14 }),
    flags: fc.array(fc.boolean(), { minLength: 14, maxLength: 14 }),
    plain: fc.boolean(),
  })
  .map(({ numbers, owners, flags, plain }) => {
    const streams: [Target[], Target[], Target[]] = [[], [], []];
    const ones: Target[][] = [[], [], [], []];
    const pairs: [Target[], Target[]][] = [
      [[], []],
      [[], []],
    ];
    const all = plain ? [...new Set([0, 1, 2, ...numbers])] : numbers;
    all.forEach((fd, i) => {
      const target = { fd, closeOnExec: fd > 2 && (flags[i] ?? false) };
      const owner = owners[i] ?? 0;
      if (plain && fd <= 2) streams[fd]?.push(target);
      else if (owner < 3) streams[owner]?.push(target);
      else if (owner < 7) ones[owner - 3]?.push(target);
      else pairs[owner % 2]?.[owner < 9 ? 0 : 1].push(target);
    });
    return {
      streams,
      objects: [
        ...ones.filter((targets) => targets.length > 0).map((targets) => ({ kind: 'one', targets }) as const),
        ...pairs.filter((ends) => ends.flat().length > 0).map((ends) => ({ kind: 'pair', ends }) as const),
      ],
    };
  });

test('every file comes to all of its numbers, with its flags, and nothing else stays open', (t) => {
  fc.assert(
    fc.property(layout, fc.boolean(), ({ streams, objects }, fill) => {
      const targets = [...streams, ...objects.flatMap((one) => (one.kind === 'one' ? [one.targets] : one.ends))];
      const writer = new TapeWriter();
      const placement = new Placement(
        writer,
        targets.flat().map(({ fd }) => fd),
      );
      const expected = new Map<number, { readonly file: string; readonly closeOnExec: boolean }>();
      const expect = (file: string, some: readonly Target[]): void => {
        for (const { fd, closeOnExec } of some) expected.set(fd, { file, closeOnExec });
      };
      streams.forEach((some, stream) => {
        expect(`stream ${stream}`, some);
      });
      placement.placeStreams(streams);
      if (fill) placement.fillGaps();
      for (const object of objects) {
        const index = writer.steps.length;
        if (object.kind === 'one') {
          const flags = placement.closeOnExec(object.targets);
          placement.place(writer.open('eventfd', [0, flags]), object.targets, flags);
          expect(`${index}`, object.targets);
        } else {
          const flags = placement.closeOnExec(object.ends[0]);
          placement.placePair(writer.openPair('pipe', [0, flags]), object.ends, flags);
          expect(`${index} read`, object.ends[0]);
          expect(`${index} write`, object.ends[1]);
        }
      }
      placement.clearGaps();
      const sorted = (map: ReadonlyMap<number, unknown>): unknown => [...map].sort(([a], [b]) => a - b);
      assert.deepEqual(sorted(playDescriptors(writer.steps)), sorted(expected));
    }),
    { numRuns: 2000 },
  );
  t.pass();
});
