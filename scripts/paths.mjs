// Where things are.
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '');

/** The folder for what is kept between runs: $XDG_CACHE_HOME/crac-build. */
export const cacheDirectory = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'crac-build');

/** @param {...string} parts */
export const inRoot = (...parts) => join(root, ...parts);
