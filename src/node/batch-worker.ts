/** A thread in which batches are made: decoding, augmentation and mixing, one batch at a time, in the order of the requests. */
import { parentPort, workerData } from "node:worker_threads";
import { InceptionError, messageOf } from "../errors.js";
import { openBatchMaker } from "./batch-maker.js";
import type { BatchReply, BatchRequest, BatchWorkerStart, CarriedFailure } from "./batch-messages.js";

// The thread is started by batch-threads.ts alone, with exactly this record.
const { plan, stop } = workerData as BatchWorkerStart;

function main(): void {
  const port = parentPort;
  if (port === null) throw new Error("batch-worker.js is started as a worker thread");
  const flag = new Int32Array(stop);
  const maker = openBatchMaker(plan, () => Atomics.load(flag, 0) !== 0);
  const reply = (message: BatchReply, buffers: ArrayBuffer[] = []) => port.postMessage(message, buffers);

  const make = async (id: number, epoch: number, batch: number) => {
    try {
      const made = await maker.make(epoch, batch);
      reply({ kind: "made", id, made }, [made.batch.images, made.batch.labels, made.batch.targets].map(bufferOf));
    } catch (thrown) {
      reply({ kind: "failed", id, error: carried(thrown) });
    }
  };

  let last = Promise.resolve();
  port.on("message", (request: BatchRequest) => {
    last = last.then(async () => {
      if (request.kind === "make") return make(request.id, request.epoch, request.batch);
      await maker.close();
      port.close();
    });
  });
}

/** The arrays of a batch are made for it and own their buffers. */
function bufferOf(array: { readonly buffer: ArrayBufferLike }): ArrayBuffer {
  if (array.buffer instanceof ArrayBuffer) return array.buffer;
  throw new TypeError("A batch is in shared memory");
}

function carried(thrown: unknown): CarriedFailure {
  if (thrown instanceof InceptionError) return { code: thrown.code, message: thrown.message, details: thrown.details };
  return { code: null, message: messageOf(thrown), details: {} };
}

main();
