/** The live area of a terminal, drawn by ora. */
import ora, { type Ora } from 'ora';
import type { OutStream } from '../surroundings.js';
import { painter, signs, type Look } from './look.js';
import type { LiveArea } from './tty.js';

export function liveArea(stream: OutStream, look: Look): LiveArea {
  const paint = painter(look.color);
  let spinner: Ora | null = null;
  return {
    start: (frame) => {
      spinner = ora({
        stream,
        isEnabled: true,
        // Reading standard input would put the terminal into raw mode, where Ctrl-C is a character and no signal.
        discardStdin: false,
        color: false,
        spinner: { interval: 100, frames: signs(look.unicode).spinner.map(paint.cyan) },
        // ora calls this for each frame, and puts a space before it.
        suffixText: frame,
      }).start();
    },
    stop: () => {
      spinner?.stop();
      spinner = null;
    },
  };
}
