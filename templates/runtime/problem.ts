/** A failure of making or finding the parts: what happened, and what to do about it. Shown as two lines, without a stack. */
export class SetupProblem extends Error {
  readonly hint: string;

  constructor(what: string, hint: string, options: { cause?: unknown } = {}) {
    super(what, options);
    this.name = 'SetupProblem';
    this.hint = hint;
  }
}
