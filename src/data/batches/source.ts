import { type Batch, type BatchSource, trainingBatches } from "../batch.js";
import type { DatasetSource } from "../dataset-source.js";
import { type BatchPlan, type BatchSourceOptions, batchPlan, checkInteger } from "./plan.js";
import { type Factory, openStream } from "./stream.js";

/**
 * Batches of a dataset by position.
 *
 * @param ahead - batches on order while one is read
 * @param open - what makes the batches of a plan
 * @throws InceptionError OPTION_INVALID as `batchPlan`, and for fewer samples than one full batch needs
 */
export function batchSource(
  dataset: DatasetSource,
  options: BatchSourceOptions,
  ahead: number,
  open: (plan: BatchPlan) => Factory<Batch>,
): BatchSource {
  const plan = batchPlan(dataset, options);
  const { size, name } = dataset;
  const batches = plan.full ? trainingBatches(name, size, plan.batchSize) : Math.ceil(size / plan.batchSize);
  const factory = open(plan);
  return {
    dataset,
    batchSize: plan.batchSize,
    batchesPerEpoch: batches,
    epoch: (epoch, start = 0) => {
      checkInteger("epoch", epoch, 0, 2 ** 32 - 1);
      checkInteger("start", start, 0, batches);
      return openStream(factory, { epoch, start, end: batches, ahead });
    },
    close: () => factory.close(),
  };
}
