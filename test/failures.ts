/** Errors that tests expect. */
import { expect } from "vitest";
import { InceptionError } from "../src/errors.js";

/** The error that a promise rejects with. */
export async function failureOf(promise: Promise<unknown>): Promise<InceptionError> {
  const thrown = await promise.then(
    () => "no error",
    (error: unknown) => error,
  );
  if (thrown instanceof InceptionError) return thrown;
  throw new Error(`expected an InceptionError, got ${String(thrown)}`, { cause: thrown });
}

/** A promise rejects with this code and this whole message. */
export async function expectFailure(promise: Promise<unknown>, code: string, message: string): Promise<void> {
  expect(await failureOf(promise)).toMatchObject({ code, message });
}

/** What a call throws, or null. */
export function thrownBy(run: () => unknown): unknown {
  try {
    run();
    return null;
  } catch (thrown) {
    return thrown;
  }
}
