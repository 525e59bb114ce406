import test from 'ava';
import type { BuildOptions } from '../../../../builder/api.js';
import { mergeSettings } from '../../../../builder/dockerfile/settings.js';
import { readIntent, restoreMode, wantedRestorer } from '../../../../builder/pipeline/settings.js';
import { rejection } from '../dockerfile/refusal.js';

const wanted = (restore: Readonly<Record<string, string>>): readonly [string, string] => {
  const settings = mergeSettings({ warmups: [] }, { warmups: [], checkpoint: {}, restore });
  return [wantedRestorer(settings), restoreMode(settings)];
};

test('who wants a mode of criu wants criu', (t) => {
  t.deepEqual(wanted({}), ['auto', 'mmap']);
  t.deepEqual(wanted({ mode: 'mmap' }), ['auto', 'mmap']);
  t.deepEqual(wanted({ mode: 'read' }), ['criu', 'read']);
  t.deepEqual(wanted({ mode: 'lazy' }), ['criu', 'lazy']);
  t.deepEqual(wanted({ with: 'tape' }), ['tape', 'mmap']);
  t.deepEqual(wanted({ with: 'criu' }), ['criu', 'mmap']);
});

const options: BuildOptions = {
  from: 'app:1',
  tag: 'app:warm',
  pull: 'missing',
  world: { env: [], addHosts: [], mounts: [], secrets: [] },
  warmups: [],
  checkpoint: {},
  restore: {},
  envIgnore: [],
  envFrozen: [],
  agent: 'auto',
  explain: false,
  labels: [],
  verify: true,
  keepFailed: false,
};

test('restorer and engine can be asked for', async (t) => {
  t.is((await readIntent({ ...options, restore: { with: 'tape' } })).settings.restore.with, 'tape');
  const lazy = await rejection(readIntent({ ...options, restore: { with: 'tape', mode: 'lazy' } }));
  t.is(lazy.code, 'CRAC-USAGE-FLAG');
  t.is((await readIntent({ ...options, checkpoint: { engine: 'crac' } })).settings.checkpoint.engine, 'crac');
});
