/// <reference lib="esnext.disposable" preserve="true" />
/** What is opened together and closed together. */
import { openUntilAborted } from "../runtime/abort.js";
import type { CancelSignal } from "../runtime/session.js";

interface Closable {
  readonly close: () => Promise<void>;
}

/**
 * Opens something that uses a helper, such as the worker that decodes its images. The helper is closed after it, or at once
 * where opening fails or is aborted.
 */
export async function closingBoth<T extends Closable>(
  helper: { close(): void },
  signal: CancelSignal | undefined,
  open: () => Promise<T>,
): Promise<T & { [Symbol.asyncDispose](): Promise<void> }> {
  try {
    return closedWith(helper, await openUntilAborted(signal, open));
  } catch (thrown) {
    helper.close();
    throw thrown;
  }
}

/** The same for what gives an opened model beside other results. */
export async function closingModel<M extends Closable, T extends { readonly model: M }>(
  helper: { close(): void },
  train: () => Promise<T>,
): Promise<T & { readonly model: M & { [Symbol.asyncDispose](): Promise<void> } }> {
  try {
    const trained = await train();
    return { ...trained, model: closedWith(helper, trained.model) };
  } catch (thrown) {
    helper.close();
    throw thrown;
  }
}

function closedWith<T extends Closable>(helper: { close(): void }, opened: T): T & { [Symbol.asyncDispose](): Promise<void> } {
  const close = async (): Promise<void> => {
    await opened.close();
    helper.close();
  };
  return { ...opened, close, [Symbol.asyncDispose]: close };
}
