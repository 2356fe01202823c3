/** Training a classifier of images: its batches, and how it is evaluated and reported in the end. */
import type { SplitNetwork } from "../../compile/training/frozen.js";
import type { Batch } from "../../data/batch.js";
import type { DatasetSource } from "../../data/dataset-source.js";
import { classification } from "../../train/classification.js";
import { featureSource } from "../../train/feature-source.js";
import { evaluate } from "../../train/loop.js";
import type { Evaluation } from "../../train/metrics.js";
import type { TrainingSettings } from "../../train/settings.js";
import type { FedSource } from "../../train/task.js";
import { type BatchSourceOptions, createBatchSource } from "../batch-source.js";
import type { OpenedDataset } from "../datasets/index.js";
import { openRun, readRunCheckpoint } from "../open-run.js";
import { batchOptions } from "./batch-options.js";
import { featureInputs, featureTable } from "./frozen-part.js";
import { mistakePictures } from "./mistake-pictures.js";
import type { TrainingNetwork } from "./prepare-network.js";
import type { Closers, InputNetwork, OpenedSources, RunTask, TaskSources, TrainedParts } from "./run-task.js";
import type { StartedRun } from "./training-run.js";

type StartedImageRun = StartedRun<TrainingSettings, Evaluation>;

export function imageTask({ train, val }: OpenedDataset, { settings, options }: StartedImageRun): RunTask<Batch, Evaluation, Evaluation> {
  const { batch, labelSmoothing, auxWeight, mixup, cutmix, freeze } = settings;
  return {
    learning: classification(train, val, mixup > 0 || cutmix > 0),
    step: { batch, labelSmoothing, auxWeight },
    freeze,
    classes: train.classes,
    evaluate: async (trained) => {
      const known = trained.best === null ? null : trained.log.evaluationOf(trained.best.epoch);
      if (trained.best === null || known !== null) return { evaluation: known, interrupted: false };
      const found = await evaluateBest(options.out, trained);
      return found === "interrupted" ? { evaluation: null, interrupted: true } : { evaluation: found, interrupted: false };
    },
    report: async (evaluation) => ({
      evaluation,
      pictures: val && evaluation ? await mistakePictures(val, evaluation) : new Map<number, string>(),
      facts: [],
      configuration: {},
    }),
  };
}

/** Of a run whose best epoch was measured before it was resumed. */
async function evaluateBest(
  folder: string,
  { parts, stateNames }: TrainedParts<Batch, Evaluation>,
): Promise<Evaluation | "interrupted" | null> {
  const run = await openRun(folder);
  if (parts.validation === null || !run.hasBest) return null;
  const { state } = await readRunCheckpoint(run, "best", { select: (name) => stateNames.has(name) });
  await parts.trainer.writeState(state);
  return evaluate(parts, parts.validation);
}

export function imageSources(data: OpenedDataset, network: TrainingNetwork, run: StartedImageRun): TaskSources<Batch> {
  const { train, val } = data;
  return {
    samples: "images",
    train: train.size,
    validation: val?.size ?? 0,
    open: (inputs, closers) => openSources(data, network, run, inputs, closers),
  };
}

/** Batches of images; or, where a fixed part sees each image the same way each time, of its features, computed once. */
async function openSources(
  { train, val }: OpenedDataset,
  network: TrainingNetwork,
  { settings, options }: StartedImageRun,
  { split, frozen }: InputNetwork,
  closers: Closers,
): Promise<OpenedSources<Batch>> {
  const batches = batchOptions(settings, network, options.workers ?? 1);
  const open = async (dataset: DatasetSource, how: BatchSourceOptions): Promise<FedSource<Batch>> => {
    const source = await createBatchSource(dataset, how);
    closers.push(() => source.close());
    return { source, inputs: (batch) => frozen.inputs(batch) };
  };
  const report = (done: number, total: number) => options.onEvent?.({ kind: "features", done, total });
  const cached = async (dataset: DatasetSource, training: boolean): Promise<FedSource<Batch> | null> => {
    if (split.frozen === null) return null;
    const { source } = await open(dataset, batches.measuring);
    const table = await featureTable(frozen, split, source, report, options.signal);
    return table && featureBatches(split, featureSource(dataset, table, { batchSize: settings.batch, seed: settings.seed, training }));
  };
  const isFixed = settings.augmentation === "none" && settings.mixup === 0 && settings.cutmix === 0;
  return {
    train: (isFixed ? await cached(train, true) : null) ?? (await open(train, batches.training)),
    validation: val && ((await cached(val, false)) ?? (await open(val, batches.measuring))),
  };
}

function featureBatches(split: SplitNetwork, source: FedSource<Batch>["source"]): FedSource<Batch> {
  return { source, inputs: (batch) => featureInputs(split, batch) };
}
