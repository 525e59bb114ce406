import test from 'ava';
import type { BuildEvent } from '../../../builder/events.js';
import { plainLook } from '../../../cli/render/look.js';
import { advance, emptyView, runningStep, tailLength } from '../../../cli/render/model.js';
import { plainPrinter, type Printer } from '../../../cli/render/plain.js';
import { ttyPrinter } from '../../../cli/render/tty.js';

const log = (line: string): BuildEvent => ({ type: 'log', step: 'ready', source: 'app', stream: 'stdout', line });

/** Feeds events, one every 100 ms. */
function feed(print: Printer, events: readonly BuildEvent[], clock: { ms: number } = { ms: 0 }): void {
  let view = emptyView;
  for (const event of events) {
    view = advance(view, event, clock.ms);
    print(event, view, clock.ms);
    clock.ms += 100;
  }
}

const events: readonly BuildEvent[] = [
  { type: 'step-started', step: 'plan', title: 'look at the image' },
  { type: 'step-done', step: 'plan', ms: 210, detail: 'OpenJDK 25' },
  { type: 'step-started', step: 'ready', title: 'wait for http://:8080/' },
  log('Starting \u001b[32mApp\u001b[0m'),
  { type: 'notice', step: 'ready', text: 'no READY: port 8080' },
  { type: 'progress', step: 'ready', detail: 'copied', bytes: 2 ** 20, totalBytes: 2 ** 22 },
  { type: 'progress', step: 'ready', detail: 'copied', bytes: 2 ** 21, totalBytes: 2 ** 22 },
  { type: 'warning', step: 'ready', text: 'slow' },
  { type: 'step-done', step: 'ready', ms: 2900, bytes: 2 ** 22 },
  { type: 'step-started', step: 'bake', title: 'make the image' },
  { type: 'step-failed', step: 'bake', ms: 50 },
];

test('plain lines', (t) => {
  let text = '';
  feed(
    plainPrinter((part) => (text += part)),
    events,
  );
  t.is(
    text,
    `#1 plan: look at the image
#1 DONE 0.2s (OpenJDK 25)
#2 ready: wait for http://:8080/
#2 ready 0.100 app: Starting App
#2 ready 0.200 note: no READY: port 8080
#2 ready 0.300 copied 1 MiB of 4 MiB
#2 ready 0.500 WARNING: slow
#2 DONE 2.9s (4 MiB)
#3 bake: make the image
#3 ERROR 0.1s
`,
  );
});

test('terminal: what is done stays, what runs is drawn with its last lines', (t) => {
  let text = '';
  let frame: (() => string) | null = null;
  const live = {
    start: (draw: () => string) => (frame = draw),
    stop: () => (frame = null),
  };
  const clock = { ms: 0 };
  const print = ttyPrinter(
    { width: 60, color: false, unicode: true },
    (part) => (text += part),
    live,
    () => clock.ms,
  );
  const shown: string[] = [];
  feed(
    (event, view, nowMs) => {
      print(event, view, nowMs);
      shown.push(frame === null ? '-' : frame());
    },
    [...events.slice(0, 4), ...['1', '2', '3', 'a long line '.repeat(9)].map(log), ...events.slice(4)],
    clock,
  );
  t.is(
    text,
    `✔ plan           0.2 s  OpenJDK 25
  · no READY: port 8080
  ⚠ slow
✔ ready          2.9 s  4 MiB, wait for http://:8080/
✖ bake           0.1 s
`,
  );
  t.is(shown[0], 'plan  look at the image  0.0 s');
  t.is(shown[1], '-');
  t.is(
    shown[10],
    `ready  wait for http://:8080/  0.8 s
    copied 2 MiB of 4 MiB
    app: 1
    app: 2
    app: 3
    app: a long line a long line a long line a long line a…`,
  );
  t.is(shown.at(-1), '-');
});

test('terminal: the output of the engine stays where its step failed', (t) => {
  let text = '';
  const live = { start: () => undefined, stop: () => undefined };
  const print = ttyPrinter(
    plainLook,
    (part) => (text += part),
    live,
    () => 0,
  );
  feed(print, [
    { type: 'step-started', step: 'base', title: 'docker build' },
    { type: 'log', step: 'base', source: 'engine', stream: 'stderr', line: 'COPY failed' },
    { type: 'step-failed', step: 'base', ms: 1000 },
  ]);
  t.is(text, '  COPY failed\nx base           1.0 s\n');
});

test('terminal: progress of a step that was not announced is drawn', (t) => {
  const frames: string[] = [];
  const live = { start: (frame: () => string) => frames.push(frame()), stop: () => undefined };
  feed(
    ttyPrinter(
      plainLook,
      () => undefined,
      live,
      () => 0,
    ),
    [
      { type: 'progress', step: 'verify', detail: 'run 1 of 15' },
      { type: 'progress', step: 'verify', detail: 'run 2 of 15' },
    ],
  );
  t.deepEqual(frames, ['verify  0.0 s\n    run 1 of 15']);
});

test('terminal: very narrow', (t) => {
  let text = '';
  const live = { start: (frame: () => string) => void frame(), stop: () => undefined };
  feed(
    ttyPrinter(
      { width: 20, color: false, unicode: false },
      (part) => (text += part),
      live,
      () => 0,
    ),
    events,
  );
  t.true(text.includes('+ plan           0.2 s\n'));
});

test('the view keeps a bounded tail and the numbers of the steps', (t) => {
  let view = emptyView;
  for (let n = 0; n < 3 * tailLength; n++) view = advance(view, log(String(n)), n);
  t.is(view.steps[0]?.tail.length, tailLength);
  t.is(view.steps[0]?.tail.at(-1)?.line, String(3 * tailLength - 1));
  t.is(runningStep(view)?.step, 'ready');
  view = advance(view, { type: 'step-started', step: 'bake', title: '' }, 0);
  view = advance(view, { type: 'step-done', step: 'ready', ms: 1 }, 0);
  t.deepEqual(
    view.steps.map(({ number, step, state }) => [number, step, state]),
    [
      [1, 'ready', 'done'],
      [2, 'bake', 'running'],
    ],
  );
});
