/** What `images` throws when bytes are not what a format says. Callers add which file it was and what to do about it. */
export class FormatError extends Error {
  override readonly name = 'FormatError';
  /** Offset in bytes from the start of what was being read, where it is known. */
  readonly offset: number | undefined;

  constructor(message: string, options: { readonly cause?: unknown; readonly offset?: number } = {}) {
    super(
      options.offset === undefined ? message : `${message} (at byte ${options.offset})`,
      'cause' in options ? { cause: options.cause } : undefined,
    );
    this.offset = options.offset;
  }
}
