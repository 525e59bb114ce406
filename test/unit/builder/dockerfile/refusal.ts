import { CracError } from '../../../../builder/errors.js';

/** The CracError that a call throws; any other outcome is thrown. */
export function refusal(call: () => unknown): CracError {
  let value: unknown;
  try {
    value = call();
  } catch (thrown) {
    if (thrown instanceof CracError) return thrown;
    throw thrown;
  }
  throw new Error(`no refusal, but ${JSON.stringify(value)}`);
}

/** The CracError that a promise rejects with; any other outcome is thrown. */
export async function rejection(promise: Promise<unknown>): Promise<CracError> {
  let value: unknown;
  try {
    value = await promise;
  } catch (thrown) {
    if (thrown instanceof CracError) return thrown;
    throw thrown;
  }
  throw new Error(`no rejection, but ${JSON.stringify(value)}`);
}
