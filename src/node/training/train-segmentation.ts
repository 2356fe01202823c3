/**
 * Training a network that segments volumes, from files to files:
 *
 *   cases ──► fingerprint ──► plan ──► patches ──┐
 *                               network ──► programs ──► loop ──► run directory, report
 */
import { foldSplit } from "../../data/index.js";
import { InceptionError } from "../../errors.js";
import type { ModelName, OptionInput, OptionsOf } from "../../models/index.js";
import { throwIfAborted, untilAborted } from "../../runtime/abort.js";
import { type CaseStatistics, caseStatistics, type Fingerprint, fingerprintOf, trainingStatistics } from "../../segment/fingerprint.js";
import { planTraining, type SegmentationPlan } from "../../segment/plan.js";
import type { RunNetwork } from "../../tasks/training/run-network.js";
import type { JsonRecord } from "../../train/json.js";
import type { PatchEvaluation } from "../../train/segmentation.js";
import {
  resolveSegmentationSettings,
  type SegmentationSettings,
  type SegmentationSettingsInput,
  volumeAugmentation,
} from "../../train/segmentation-settings.js";
import { openVolumeDataset, readCase, type VolumeCase, type VolumeDataset } from "../datasets/volume-dataset.js";
import { checkFreeForRun } from "../run-folder.js";
import { locateSource } from "../run-sources.js";
import { runTask } from "./run-task.js";
import { checkForVolumes, describeNetwork, resumedVolumeNetwork } from "./segmentation-network.js";
import { planJson, planOf, type RunPlan } from "./segmentation-plan.js";
import { type PreparedRun, resumeTask, startRun, type TrainingKind } from "./start-run.js";
import type { ResumeOptions, RunOptions, TrainedRun } from "./training-run.js";
import type { SegmentationValidation } from "./validate-segmentation.js";
import { type VolumeData, volumeSources, volumeTask } from "./volume-task.js";

/** How a segmentation network is trained in a run directory. */
export interface TrainSegmentationOptions<N extends ModelName = ModelName> extends RunOptions<PatchEvaluation> {
  /** Options of the network. Default: half its width. */
  readonly options?: OptionsOf<N>;
}

type ResumeSegmentationOptions = ResumeOptions<PatchEvaluation>;

/** A finished run of a segmentation network. */
export interface SegmentedRun extends TrainedRun {
  /** Of the cases that were set aside; null where there are none, or the run was interrupted. */
  readonly validation: SegmentationValidation | null;
}

/**
 * Trains a network for volume segmentation and writes a run directory.
 *
 * All cases are scanned first; unreadable cases are skipped with a notice. `planTraining` derives spacing, intensities, patch
 * size and batch size from their statistics; plan.json stores them. The seed splits the cases into folds. One fold is held out:
 * it is evaluated after each epoch on one patch per case, and at the end on whole cases (`validateSegmentation`).
 *
 * @param id - model id or family name of a network for volumes
 * @param given - settings by name; `data` is required
 * @throws InceptionError DATASET_INVALID, OPTION_INVALID, RUN_INVALID, TRAINING_DIVERGED and those of files
 *
 * @example
 * ```ts
 * import { trainSegmentation } from "inceptionkit/node";
 * const settings = { data: "Task04_Hippocampus", folds: 2, fold: 0, epochs: 1, batchSize: 1, patchSize: "24,24,24" };
 * const network = { widthMultiplier: 0.05 };
 * const { best } = await trainSegmentation("inception_resnet_3d", settings, { out: "runs/small", options: network });
 * console.log(best);
 * ```
 */
export async function trainSegmentation<N extends ModelName>(
  id: N,
  given: SegmentationSettingsInput,
  options: TrainSegmentationOptions<N>,
): Promise<SegmentedRun> {
  const prepared = await prepareSegmentation(id, given, options);
  return startRun(VOLUMES, prepared, { labels: prepared.data.labels, recipe: { plan: prepared.file } }, options);
}

/** What a run trains, before it writes anything. */
interface PreparedSegmentation extends PreparedRun<SegmentationSettings, RunNetwork, VolumeData> {
  /** Contents of plan.json. */
  readonly file: JsonRecord;
}

/** @internal The first half of `trainSegmentation`: settings, cases, plan and network. */
export async function prepareSegmentation(
  id: ModelName,
  given: SegmentationSettingsInput,
  options: RunOptions<PatchEvaluation> & { readonly options?: OptionInput },
): Promise<PreparedSegmentation> {
  const settings = resolveSegmentationSettings(given);
  checkForVolumes(id);
  if (options.out !== undefined) await checkFreeForRun(options.out);
  const dataset = await untilAborted(options.signal, openVolumeDataset(settings.data));
  const { facts, fingerprint } = await lookAt(dataset, options);
  const planned = planTraining(fingerprint, { ...settings, channels: dataset.channels });
  const augmentation = volumeAugmentation(settings.augmentation);
  const cases = dataset.cases.filter((each) => facts.some((fact) => fact.id === each.id));
  const { train, val } = splitCases(cases, settings);
  const labels = planned.recipe.labelValues.map(
    (value) => dataset.labelNames.get(value) ?? (value === 0 ? "background" : `label ${value}`),
  );
  const network = describeNetwork(id, planned.recipe, settings, options.options ?? {});
  options.onEvent?.({ kind: "planned", lines: planLines(fingerprint, planned, network) });
  const training = trainingStatistics(
    facts.filter((fact) => train.some((each) => each.id === fact.id)),
    planned.recipe,
  );
  const trainedRecipe = { ...planned.recipe, mirrorAxes: augmentation.mirrorAxes, training };
  const plan: RunPlan = { recipe: trainedRecipe, batch: planned.batchSize, train: train.map(idOf), validation: val.map(idOf) };
  return { settings, network, data: { dataset, plan, labels }, file: planJson(plan, planned, fingerprint, dataset) };
}

/**
 * Resumes a run from its last checkpoint. The result is bit-identical to that of an uninterrupted run; in the report only times
 * differ.
 *
 * @throws InceptionError as `trainSegmentation`; RUN_INVALID, CHECKPOINT_INVALID
 */
export async function resumeSegmentation(options: ResumeSegmentationOptions): Promise<SegmentedRun> {
  return resumeTask(VOLUMES, options);
}

const VOLUMES: TrainingKind<SegmentationSettings, RunNetwork, VolumeData, object, PatchEvaluation, SegmentedRun> = {
  resolveSettings: resolveSegmentationSettings,
  openData: async (run, settings) => {
    const plan = planOf(run);
    return { dataset: await openVolumeDataset(await locateSource(run, "data", settings.data)), plan, labels: run.labels };
  },
  resumedNetwork: (run, checkpoint, { settings, data }) => resumedVolumeNetwork(run, data.plan, settings, checkpoint),
  train: async ({ network, data }, run) => {
    const { trained, evaluation } = await runTask(volumeTask(data, run), volumeSources(data, run), network, run);
    return { ...trained, validation: evaluation };
  },
};

function idOf({ id }: VolumeCase): string {
  return id;
}

async function lookAt(
  dataset: VolumeDataset,
  { onEvent, signal }: Pick<TrainSegmentationOptions, "onEvent" | "signal">,
): Promise<{ readonly facts: readonly CaseStatistics[]; readonly fingerprint: Fingerprint }> {
  const facts: CaseStatistics[] = [];
  for (const [index, each] of dataset.cases.entries()) {
    throwIfAborted(signal);
    try {
      const { channels, labels } = await readCase(each);
      facts.push(caseStatistics(each.id, channels, labels));
    } catch (thrown) {
      if (!(thrown instanceof InceptionError)) throw thrown;
      onEvent?.({ kind: "skipped", sample: { index, name: each.id, reason: thrown.message } });
    }
    onEvent?.({ kind: "scanning", done: index + 1, total: dataset.cases.length });
  }
  return { facts, fingerprint: fingerprintOf(facts) };
}

interface SplitCases {
  readonly train: readonly VolumeCase[];
  readonly val: readonly VolumeCase[];
}

function splitCases(cases: readonly VolumeCase[], { fold, folds, seed }: SegmentationSettings): SplitCases {
  if (fold === null) return { train: cases, val: [] };
  const { train, val } = foldSplit(cases.length, folds, fold, seed);
  const chosen = (indices: Uint32Array) => cases.filter((_, index) => indices.includes(index));
  return { train: chosen(train), val: chosen(val) };
}

function planLines({ cases, labels, shape, spacing }: Fingerprint, plan: SegmentationPlan, network: RunNetwork): readonly string[] {
  const { recipe, batchSize, medianShape } = plan;
  const list = (values: readonly number[]) => values.map((value) => Number(value.toPrecision(4))).join("x");
  const frequencies = labels.filter(({ value }) => value !== 0).map(({ value, share }) => `${value}: ${(share * 100).toPrecision(3)}%`);
  const resampled = recipe.spacing && `${list(recipe.spacing)} mm (median ${list(medianShape)} voxels)`;
  return [
    `dataset: ${cases} cases, ${list(shape.min)} to ${list(shape.max)} voxels (median ${list(shape.median)}), median spacing ${list(spacing.median)} mm`,
    `label frequency: ${frequencies.join(", ")} of voxels`,
    `plan: spacing ${resampled ?? "unchanged"}, patch size ${list(recipe.patchSize)}, batch size ${batchSize}, intensity normalization ${recipe.normalization.map(({ name }) => name).join(", ")}`,
    `network: ${network.model}, widthMultiplier ${String(network.options.widthMultiplier)}`,
  ];
}
