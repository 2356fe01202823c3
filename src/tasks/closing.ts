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
    const opened = await openUntilAborted(signal, open);
    const close = async (): Promise<void> => {
      await opened.close();
      helper.close();
    };
    return { ...opened, close, [Symbol.asyncDispose]: close };
  } catch (thrown) {
    helper.close();
    throw thrown;
  }
}
