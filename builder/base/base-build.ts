/** What is to be built: the input of every way to build the base image. */
import type { SecretOption } from '../api.js';

export interface BaseBuild {
  readonly contextDir: string;
  /** Of the user's Dockerfile; only its name and its ignore file are used. */
  readonly dockerfilePath: string;
  /** The Dockerfile with our instructions blanked, so that line numbers stay; without a `# syntax=` line of our own. */
  readonly standardText: string;
  readonly buildArgs: readonly (readonly [name: string, value: string])[];
  readonly target?: string;
  readonly platform?: string;
  readonly secrets: readonly SecretOption[];
  readonly noCache: boolean;
  /** Ask the registry for newer base images. */
  readonly pull: boolean;
  /** A temporary tag: BuildKit's FROM and the bake need a name. The caller removes it. */
  readonly tag: string;
}
