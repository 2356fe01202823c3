/** A thread in which batches of patches are made: reading, preparing and augmenting volumes. */
import { parentPort, workerData } from "node:worker_threads";
import type { BatchWorkerStart } from "./batch-messages.js";
import { serveBatches } from "./batch-serve.js";
import { openVolumeBatchMaker, type VolumeBatchPlan } from "./volume-batch-maker.js";

// The thread is started by batch-threads.ts alone, with exactly this record.
const { plan, stop } = workerData as BatchWorkerStart<VolumeBatchPlan>;

serveBatches(
  parentPort,
  stop,
  (stopped) => openVolumeBatchMaker(plan, stopped),
  ({ images, labels }) => [images, labels],
);
