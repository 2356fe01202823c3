/** A thread in which batches of images are made: decoding, augmentation and mixing. */
import { parentPort, workerData } from "node:worker_threads";
import { type BatchPlan, openBatchMaker } from "./batch-maker.js";
import type { BatchWorkerStart } from "./batch-messages.js";
import { serveBatches } from "./batch-serve.js";

// The thread is started by batch-threads.ts alone, with exactly this record.
const { plan, stop } = workerData as BatchWorkerStart<BatchPlan>;

serveBatches(
  parentPort,
  stop,
  (stopped) => openBatchMaker(plan, stopped),
  ({ images, labels, targets }) => [images, labels, targets],
);
