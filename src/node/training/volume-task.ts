/** Training a network that segments volumes: its batches of patches, and how whole volumes are scored and reported in the end. */
import { InceptionError } from "../../errors.js";
import type { SegmentedLabel } from "../../segment/labels.js";
import type { Closers, InputNetwork, OpenedSources, TaskSources } from "../../tasks/training/learning.js";
import { type PatchEvaluation, segmentation, type VolumeBatch } from "../../train/segmentation.js";
import { type SegmentationSettings, volumeAugmentation } from "../../train/segmentation-settings.js";
import type { FeedSource } from "../../train/task.js";
import type { VolumeDataset } from "../datasets/volume-dataset.js";
import { createVolumeBatchSource, type VolumeBatchSourceOptions } from "../volume-batch-source.js";
import type { Evaluated, RunTask } from "./run-task.js";
import type { RunPlan } from "./segmentation-plan.js";
import type { StartedRun } from "./training-run.js";
import { type SegmentationValidation, validateSegmentation } from "./validate-segmentation.js";

type StartedVolumeRun = StartedRun<SegmentationSettings, PatchEvaluation>;

/** What a run that segments is trained on. */
export interface VolumeData {
  readonly dataset: VolumeDataset;
  readonly plan: RunPlan;
  /** Names of the classes by index. */
  readonly labels: readonly string[];
}

export function volumeTask(data: VolumeData, run: StartedVolumeRun): RunTask<VolumeBatch, PatchEvaluation, SegmentationValidation> {
  const { plan, labels } = data;
  const [x, y, z] = plan.recipe.patchSize;
  return {
    learning: segmentation(labels.length, [z, y, x]),
    step: { batchSize: plan.batch },
    loss: { loss: run.settings.loss, targetFormat: "indices" },
    freeze: "none",
    unfreeze: "none",
    layerDecay: 1,
    classes: labels,
    evaluate: async ({ interrupted }) =>
      interrupted || plan.validation.length === 0 ? { evaluation: null, interrupted: false } : validate(run),
    report: (validation) => ({
      evaluation: null,
      ...(validation === null ? {} : { volumes: { classes: classesOf(data), cases: validation.cases } }),
      pictures: new Map(),
      facts: [
        ...(validation === null ? [] : scoreFacts(data, validation)),
        ["training and validation cases", `${plan.train.length} and ${plan.validation.length}`],
      ],
      configuration: { batchSize: plan.batch, patchSize: plan.recipe.patchSize },
    }),
  };
}

/** Whole volumes at their own grid: the scores that count, which Dice of patches only estimates. */
async function validate({ options, settings }: StartedVolumeRun): Promise<Evaluated<SegmentationValidation>> {
  const { device, threads, signal } = options;
  const { mirrorAxes } = volumeAugmentation(settings.augmentation);
  const onCase = (done: number, total: number) => options.onEvent?.({ kind: "validating", done, total });
  const running = {
    ...(device === undefined ? {} : { device }),
    ...(threads === undefined ? {} : { threads }),
    ...(signal === undefined ? {} : { signal }),
  };
  try {
    return { evaluation: await validateSegmentation(options.out, { ...running, mirrorAxes, onCase }), interrupted: false };
  } catch (thrown) {
    // The run is trained: resumed, it is validated again.
    if (signal?.aborted) return { evaluation: null, interrupted: true };
    throw thrown;
  }
}

function classesOf({ plan, labels }: VolumeData): readonly SegmentedLabel[] {
  return plan.recipe.labelValues.map((value, index) => ({ value, name: labels[index] ?? String(value) }));
}

function scoreFacts({ plan, labels }: VolumeData, { meanDice, mean }: SegmentationValidation): readonly (readonly [string, string])[] {
  const nameOf = (value: number): string => labels[plan.recipe.labelValues.indexOf(value)] ?? String(value);
  const shown = (value: number | null): string => (value === null ? "–" : value.toFixed(4));
  return [
    ["mean Dice of whole volumes", shown(meanDice)],
    ...mean.map(({ label, dice }) => [`Dice of ${nameOf(label)}`, shown(dice)] as const),
    ...mean.map(({ label, hd95 }) => [`HD95 of ${nameOf(label)}`, hd95 === null ? "–" : `${hd95.toFixed(2)} mm`] as const),
  ];
}

export function volumeSources(data: VolumeData, run: StartedVolumeRun): TaskSources<VolumeBatch> {
  const { train, validation } = data.plan;
  return {
    samples: "volumes",
    train: train.length,
    validation: validation.length,
    open: async (inputs, closers) => openSources(data, run, inputs, closers),
  };
}

function openSources(
  { dataset, plan }: VolumeData,
  { settings, options }: StartedVolumeRun,
  { frozen }: InputNetwork,
  closers: Closers,
): OpenedSources<VolumeBatch> {
  const { patchesPerCase, foregroundFraction, seed } = settings;
  const missing = [...plan.train, ...plan.validation].find((id) => !dataset.cases.some((each) => each.id === id));
  if (missing !== undefined) {
    throw new InceptionError(
      "DATASET_INVALID",
      `Cannot train on "${settings.data}": it no longer has case "${missing}", expected the run's cases`,
      { missing },
    );
  }
  const open = (ids: readonly string[], training: VolumeBatchSourceOptions["training"], workers: number): FeedSource<VolumeBatch> => {
    const cases = dataset.cases.filter(({ id }) => ids.includes(id));
    const common = { name: dataset.name, cases, recipe: plan.recipe, batchSize: plan.batch, seed };
    const source = createVolumeBatchSource({ ...common, training, workers });
    closers.push(() => source.close());
    return { source, inputs: (batch) => frozen.inputs(batch) };
  };
  const { workers = 1 } = options;
  const augmentation = volumeAugmentation(settings.augmentation);
  return {
    train: open(plan.train, { patchesPerCase, foregroundFraction, augmentation }, workers),
    validation: plan.validation.length === 0 ? null : open(plan.validation, null, Math.min(workers, 1)),
  };
}
