/** What a worker thread does that makes batches: one at a time, in the order of the requests. */
import type { MessagePort } from "node:worker_threads";
import type { Maker } from "../data/batches/stream.js";
import { InceptionError, messageOf } from "../errors.js";
import type { BatchReply, BatchRequest, CarriedFailure } from "./batch-messages.js";
import { closeParentPort } from "./close-port.js";

/** An array that is made for a batch and handed over with it. */
type Handed = { readonly buffer: ArrayBufferLike };

/**
 * @param open - opens the maker; is given what to ask before each sample
 * @param arraysOf - the arrays of a batch, which are not copied to the other thread
 */
export function serveBatches<B>(
  port: MessagePort | null,
  stop: SharedArrayBuffer,
  open: (stopped: () => boolean) => Maker<B>,
  arraysOf: (batch: B) => readonly Handed[],
): void {
  if (port === null) throw new Error("A maker of batches is started as a worker thread");
  const flag = new Int32Array(stop);
  const maker = open(() => Atomics.load(flag, 0) !== 0);
  const reply = (message: BatchReply<B>, buffers: ArrayBuffer[] = []) => port.postMessage(message, buffers);

  const make = async (id: number, epoch: number, batch: number) => {
    try {
      const made = await maker.make(epoch, batch);
      reply({ kind: "made", id, made }, arraysOf(made.batch).map(bufferOf));
    } catch (thrown) {
      reply({ kind: "failed", id, error: carried(thrown) });
    }
  };

  let last = Promise.resolve();
  port.on("message", (request: BatchRequest) => {
    last = last.then(async () => {
      if (request.kind === "make") return make(request.id, request.epoch, request.batch);
      await maker.close();
      closeParentPort(port);
    });
  });
}

/** The arrays of a batch are made for it and own their buffers. */
function bufferOf(array: Handed): ArrayBuffer {
  if (array.buffer instanceof ArrayBuffer) return array.buffer;
  throw new TypeError("A batch is in shared memory");
}

function carried(thrown: unknown): CarriedFailure {
  if (thrown instanceof InceptionError) return { code: thrown.code, message: thrown.message, details: thrown.details };
  return { code: null, message: messageOf(thrown), details: {} };
}
