/** What comes before every test file (ava.e2e.config.js). */
import { removeDeadRuns } from './dead-runs.js';

await removeDeadRuns();
