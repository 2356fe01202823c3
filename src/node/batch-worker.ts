/** A thread in which batches of images are made: decoding, augmentation and mixing. */
import { parentPort, workerData } from "node:worker_threads";
import { openBatchMaker } from "../data/batches/maker.js";
import type { BatchWorkerStart } from "./batch-messages.js";
import { serveBatches } from "./batch-serve.js";
import type { ThreadPlan } from "./batch-source.js";
import { openSampleReader } from "./datasets/sample-reader.js";

// The thread is started by batch-threads.ts alone, with exactly this record.
const { plan, stop } = workerData as BatchWorkerStart<ThreadPlan>;

serveBatches(
  parentPort,
  stop,
  (stopped) => openBatchMaker(plan, openSampleReader(plan.samples, plan.cacheBytes, plan), stopped),
  ({ images, labels, targets }) => [images, labels, targets],
);
