/** Training a classifier of images: what is learned, and its batches. */
import type { SplitNetwork } from "../../compile/training/frozen.js";
import type { OpenedDataset } from "../../data/assemble.js";
import type { Batch } from "../../data/batch.js";
import type { BatchSourceOptions } from "../../data/batches/plan.js";
import type { DatasetSource } from "../../data/dataset-source.js";
import { requireSingleLabels } from "../../data/label-sets.js";
import { classification, type MeasuredEvaluation } from "../../train/classification.js";
import { featureSource } from "../../train/feature-source.js";
import type { TrainingSettings } from "../../train/settings.js";
import type { FeedSource } from "../../train/task.js";
import { batchOptions } from "./batch-options.js";
import { featureInputs, featureTable } from "./frozen-part.js";
import type { Closers, InputNetwork, LearnedTask, LearningRun, OpenedSources, TaskSources } from "./learning.js";
import type { TrainingPlatform } from "./open-trainer.js";
import type { TrainingNetwork } from "./prepare-network.js";

type ImageRun = Pick<LearningRun<TrainingSettings, MeasuredEvaluation>, "settings" | "options">;
type BatchPlatform = Pick<TrainingPlatform, "openBatches">;

/** @throws InceptionError DATASET_INVALID where images may have several classes */
export function imageTask({ train, val }: OpenedDataset, settings: TrainingSettings): LearnedTask<Batch, MeasuredEvaluation> {
  requireSingleLabels(train, "train on");
  const { batchSize, labelSmoothing, auxWeight, mixup, cutmix, freeze, unfreeze, layerDecay } = settings;
  return {
    learning: classification(train, val, mixup > 0 || cutmix > 0),
    step: { batchSize, labelSmoothing, auxWeight },
    freeze,
    unfreeze,
    layerDecay,
    classes: train.classes,
  };
}

export function imageSources(platform: BatchPlatform, data: OpenedDataset, network: TrainingNetwork, run: ImageRun): TaskSources<Batch> {
  const { train, val } = data;
  return {
    samples: "images",
    train: train.size,
    validation: val?.size ?? 0,
    open: (inputs, closers) => openSources(platform, data, network, run, inputs, closers),
  };
}

/** Batches of images; or, where a fixed part sees each image the same way each time, of its features, computed once. */
async function openSources(
  platform: BatchPlatform,
  { train, val }: OpenedDataset,
  network: TrainingNetwork,
  { settings, options }: ImageRun,
  { split, frozen }: InputNetwork,
  closers: Closers,
): Promise<OpenedSources<Batch>> {
  const batches = batchOptions(settings, network, options.workers ?? 1);
  const open = async (dataset: DatasetSource, how: BatchSourceOptions): Promise<FeedSource<Batch>> => {
    const source = await platform.openBatches(dataset, how);
    closers.push(() => source.close());
    return { source, inputs: (batch) => frozen.inputs(batch) };
  };
  const report = (done: number, total: number) => options.onEvent?.({ kind: "features", done, total });
  const cached = async (dataset: DatasetSource, training: boolean): Promise<FeedSource<Batch> | null> => {
    if (split.frozen === null) return null;
    const { source } = await open(dataset, batches.measuring);
    const table = await featureTable(frozen, split, source, report, options.signal);
    return table && featureBatches(split, featureSource(dataset, table, { batchSize: settings.batchSize, seed: settings.seed, training }));
  };
  const isFixed = settings.augmentation === "none" && settings.mixup === 0 && settings.cutmix === 0;
  return {
    train: (isFixed ? await cached(train, true) : null) ?? (await open(train, batches.training)),
    validation: val && ((await cached(val, false)) ?? (await open(val, batches.measuring))),
  };
}

function featureBatches(split: SplitNetwork, source: FeedSource<Batch>["source"]): FeedSource<Batch> {
  return { source, inputs: (batch) => featureInputs(split, batch) };
}
