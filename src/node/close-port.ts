import type { MessagePort } from "node:worker_threads";

/** The global scope of a worker in Deno. */
interface DenoScope {
  close?(): void;
}

/** Ends the connection of a worker thread to the thread that started it, and with it this thread, once nothing keeps it. */
export function closeParentPort(port: MessagePort): void {
  // Deno's `parentPort` has no `close`: it is the worker's global scope, whose own `close` ends the thread.
  if (typeof port.close === "function") port.close();
  else (globalThis as DenoScope).close?.();
}
