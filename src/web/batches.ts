import type { BatchSource } from "../data/batch.js";
import { openBatchMaker, type SampleReader } from "../data/batches/maker.js";
import type { BatchSourceOptions } from "../data/batches/plan.js";
import { batchSource } from "../data/batches/source.js";
import { inThisThread } from "../data/batches/stream.js";
import type { DatasetSource, SampleStore } from "../data/dataset-source.js";
import { renderShapes10 } from "../data/shapes10.js";
import { InceptionError } from "../errors.js";

/** Batches in a page. @throws InceptionError OPTION_INVALID; SOURCE_INVALID where the samples are files of Node */
export function openBatches(dataset: DatasetSource, options: BatchSourceOptions): BatchSource {
  return batchSource(dataset, options, 0, (plan) =>
    inThisThread(plan.name, (stopped) => openBatchMaker(plan, sampleReader(plan.samples), stopped)),
  );
}

function sampleReader(samples: SampleStore): SampleReader {
  return { read: async (index) => sampleImage(samples, index), close: async () => undefined };
}

function sampleImage(samples: SampleStore, index: number) {
  if (samples.kind === "shapes10") {
    const { seed, split, side, indices } = samples;
    return renderShapes10({ seed, split, side, index: indices[index] ?? 0 });
  }
  const image = samples.kind === "images" ? samples.images[index] : undefined;
  if (image !== undefined) return image;
  throw new InceptionError("SOURCE_INVALID", "Cannot read an image: files of Node cannot be read in a browser", {});
}
