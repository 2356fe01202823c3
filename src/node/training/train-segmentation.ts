/**
 * A run that learns to segment volumes, from files to files:
 *
 *   cases ──► fingerprint ──► plan ──► patches ──┐
 *                               network ──► programs ──► loop ──► run folder, report
 */
import { selectTrained } from "../../compile/training/training.js";
import { foldSplit } from "../../data/index.js";
import { InceptionError } from "../../errors.js";
import type { GivenOptions } from "../../models/index.js";
import type { CancelSignal } from "../../runtime/session.js";
import type { TrainerOptions } from "../../runtime/trainer.js";
import { type CaseFacts, caseFacts, type Fingerprint, fingerprintOf, trainingStatistics } from "../../segment/fingerprint.js";
import { planTraining, type SegmentationPlan } from "../../segment/plan.js";
import { bestEpoch } from "../../train/history.js";
import type { JsonRecord } from "../../train/json.js";
import { type LoopParts, trainLoop } from "../../train/loop.js";
import { type PatchEvaluation, segmentation, type VolumeBatch, volumeInput } from "../../train/segmentation.js";
import { resolveSegmentationSettings, type SegmentationSettings, volumeAugmentation } from "../../train/segmentation-settings.js";
import { settingsJson } from "../../train/settings.js";
import type { BatchesOf } from "../../train/task.js";
import { throwIfAborted, untilAborted } from "../abort.js";
import { openVolumeDataset, readCase, type VolumeCase, type VolumeDataset } from "../datasets/volume-dataset.js";
import { openRun } from "../open-run.js";
import { checkFreeForRun, createRun, makeRunFolder, type RunWriter, resumeRun } from "../run-folder.js";
import { locateSource, placesOf } from "../run-sources.js";
import { createVolumeBatchSource } from "../volume-batch-source.js";
import { FROM_BEGINNING, type RunStart, startFrom } from "./checkpoint-state.js";
import { extendRun } from "./extend-run.js";
import { loopOptions } from "./loop-options.js";
import { openTrainer } from "./open-trainer.js";
import { environmentFacts, type RunEvent, runLog } from "./run-log.js";
import { runSaver } from "./run-saver.js";
import { checkForVolumes, describeNetwork, type Network, resumedNetwork } from "./segmentation-network.js";
import { planJson, planOf, type RunPlan } from "./segmentation-plan.js";
import { writeSegmentationReport } from "./segmentation-report.js";
import type { TrainedRun } from "./train-model.js";
import { type SegmentationValidation, validateSegmentation } from "./validate-segmentation.js";

export interface TrainSegmentationOptions extends TrainerOptions {
  /** As in `TrainModelOptions`. */
  readonly out?: string;
  /** Options of the network. Default: half its width. */
  readonly options?: GivenOptions;
  /** Threads that read, prepare and augment. Default 1. */
  readonly workers?: number;
  readonly onEvent?: (event: RunEvent<PatchEvaluation>) => void;
  /** As in `TrainModelOptions`. During the validation of whole volumes the call resolves with `end` "interrupted" too. */
  readonly signal?: CancelSignal;
}

interface ResumeSegmentationOptions extends Omit<TrainSegmentationOptions, "options"> {
  /** Directory of the run. */
  readonly out: string;
  /** Another number of epochs, more than are done. Default: the run's. */
  readonly epochs?: number;
}

export interface SegmentedRun extends TrainedRun {
  /** Of the cases that were set aside; null where there are none, or the run was interrupted. */
  readonly validation: SegmentationValidation | null;
}

/**
 * Train a network to segment volumes, and write a run folder.
 *
 * All cases are looked at first; cases that cannot be read are left out with a notice. From what they are like follow spacing,
 * intensities, patch and batch (`planTraining`), which plan.json keeps. The cases are split into folds by the seed; one of
 * them is set aside and measured after each epoch, by one patch of each case, and in the end whole (`validateSegmentation`).
 *
 * @param id - model id or family name of a network for volumes
 * @param given - settings by name (`resolveSegmentationSettings`); `data` is needed
 * @throws InceptionError DATASET_INVALID, OPTION_INVALID, RUN_INVALID, TRAINING_DIVERGED and those of files
 *
 * @example
 * ```ts
 * import { trainSegmentation } from "inceptionkit/node";
 * const settings = { data: "Task04_Hippocampus", folds: 2, fold: 0, epochs: 1, batch: 1, patchSize: "24,24,24" };
 * const network = { widthMultiplier: 0.05 };
 * const { best } = await trainSegmentation("inception_resnet_3d", settings, { out: "runs/small", options: network });
 * console.log(best);
 * ```
 */
export async function trainSegmentation(id: string, given: GivenOptions, options: TrainSegmentationOptions): Promise<SegmentedRun> {
  const { file, ...prepared } = await prepareSegmentation(id, given, options);
  const { network, settings, labels } = prepared;
  const out = options.out ?? (await makeRunFolder(network.model));
  const { model, graphHash } = network;
  const json = settingsJson(settings);
  const config = { model, options: network.options, graphHash, settings: json, places: await placesOf(out, json) };
  const writer = await createRun(out, { config, labels, recipe: { plan: file } }, Date.now() / 1000);
  return finish({ ...prepared, writer, ...FROM_BEGINNING, options: { ...options, out } });
}

/** What a run trains, before it writes anything. */
interface PreparedSegmentation extends Pick<Prepared, "settings" | "network" | "plan" | "dataset" | "labels"> {
  /** Contents of plan.json. */
  readonly file: JsonRecord;
}

/** @internal The first half of `trainSegmentation`: settings, cases, plan and network. */
export async function prepareSegmentation(
  id: string,
  given: GivenOptions,
  options: TrainSegmentationOptions,
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
  const plan: RunPlan = { recipe: trainedRecipe, batch: planned.batch, train: train.map(idOf), validation: val.map(idOf) };
  return { settings, network, plan, dataset, labels, file: planJson(plan, planned, fingerprint, dataset) };
}

/**
 * Resumes a run from its last checkpoint. The result is bit-identical to that of an uninterrupted run; in the report only times
 * differ.
 *
 * @throws InceptionError as `trainSegmentation`; RUN_INVALID, CHECKPOINT_INVALID
 */
export async function resumeSegmentation(options: ResumeSegmentationOptions): Promise<SegmentedRun> {
  const { config } = await openRun(options.out);
  const stored = resolveSegmentationSettings(config.settings);
  const { writer, checkpoint, run, lines } = await resumeRun(options.out, Date.now() / 1000, {
    expected: { model: config.model, graphHash: config.graphHash },
  });
  try {
    const plan = planOf(run);
    const dataset = await openVolumeDataset(await locateSource(run, "data", stored.data));
    const from = startFrom(checkpoint, lines);
    const { settings, lines: notes } = await extendRun(run, stored, options.epochs, from.start.position);
    options.onEvent?.({ kind: "planned", lines: notes });
    const network = resumedNetwork(run, plan, settings, checkpoint);
    return await finish({ settings, network, plan, dataset, labels: run.labels, writer, ...from, options });
  } finally {
    await writer.close();
  }
}

function idOf({ id }: VolumeCase): string {
  return id;
}

async function lookAt(
  dataset: VolumeDataset,
  { onEvent, signal }: Pick<TrainSegmentationOptions, "onEvent" | "signal">,
): Promise<{ readonly facts: readonly CaseFacts[]; readonly fingerprint: Fingerprint }> {
  const facts: CaseFacts[] = [];
  for (const [index, each] of dataset.cases.entries()) {
    throwIfAborted(signal);
    try {
      const { channels, labels } = await readCase(each);
      facts.push(caseFacts(each.id, channels, labels));
    } catch (thrown) {
      if (!(thrown instanceof InceptionError)) throw thrown;
      onEvent?.({ kind: "skipped", sample: { index, name: each.id, reason: thrown.message } });
    }
    onEvent?.({ kind: "reading", done: index + 1, total: dataset.cases.length });
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

function planLines({ cases, labels, shape, spacing }: Fingerprint, plan: SegmentationPlan, network: Network): readonly string[] {
  const { recipe, batch, medianShape } = plan;
  const list = (values: readonly number[]) => values.map((value) => Number(value.toPrecision(4))).join(" x ");
  const shares = labels.filter(({ value }) => value !== 0).map(({ value, share }) => `${value}: ${(share * 100).toPrecision(3)} %`);
  return [
    `${cases} cases of ${list(shape.min)} to ${list(shape.max)} voxels, median ${list(shape.median)}; spacing ${list(spacing.median)} mm`,
    `labels by their share of the voxels: ${shares.join(", ")}`,
    `plan: spacing ${recipe.spacing === null ? "as it is" : `${list(recipe.spacing)} mm`} (median ${list(medianShape)} voxels), patches of ${list(recipe.patchSize)}, ${batch} together, intensities ${recipe.normalization.map(({ name }) => name).join(", ")}`,
    `network: ${network.model}, width ${String(network.options.widthMultiplier)}`,
  ];
}

interface Prepared extends RunStart {
  readonly settings: SegmentationSettings;
  readonly network: Network;
  readonly plan: RunPlan;
  readonly dataset: VolumeDataset;
  readonly labels: readonly string[];
  readonly writer: RunWriter;
  readonly options: ResumeSegmentationOptions;
}

type Closer = () => Promise<void>;

async function finish(prepared: Prepared): Promise<SegmentedRun> {
  prepared.options.onEvent?.({ kind: "folder", run: prepared.options.out });
  const closers: Closer[] = [() => prepared.writer.close()];
  try {
    return await runTraining(prepared, closers);
  } finally {
    for (const close of closers.toReversed()) await close();
  }
}

async function runTraining(prepared: Prepared, closers: Closer[]): Promise<SegmentedRun> {
  const { settings, network, plan, labels, writer, start, state, options } = prepared;
  const report = options.onEvent ?? (() => {});
  const sources = openSources(prepared, closers);
  report({ kind: "preparing", what: "programs" });
  const compiled = { ...settings, batch: plan.batch };
  const extra = { loss: settings.loss, truth: "labels" } as const;
  const trained = { trained: selectTrained(network.graph) };
  const { trainer, masks } = await openTrainer(trained, () => true, compiled, network.parameters, options, extra);
  closers.push(() => trainer.close());
  throwIfAborted(options.signal);
  if (state) await trainer.writeState(state);
  const { batchesPerEpoch } = sources.train;
  const stepsPerEpoch = Math.ceil(batchesPerEpoch / settings.accumulate);
  report({ ...beginningOf(prepared), batchesPerEpoch, stepsPerEpoch });
  const log = runLog<PatchEvaluation>(writer, settings, batchesPerEpoch, report, prepared.earlier);
  const [x, y, z] = plan.recipe.patchSize;
  const inputs = async (batch: VolumeBatch) => ({ input: volumeInput(batch, plan.recipe.normalization.length, [z, y, x]) });
  const parts: LoopParts<VolumeBatch, PatchEvaluation> = {
    trainer,
    task: segmentation(labels.length, [z, y, x]),
    train: { source: sources.train, inputs },
    validation: sources.validation && { source: sources.validation, inputs },
    report: log.report,
    interrupted: () => options.signal?.aborted === true,
    lastCheckpoint: () => log.lastCheckpoint(),
    save: runSaver({ trainer, fixed: new Map(), network, settings, writer, log }),
  };
  const { end: loopEnd, progress } = await trainLoop(loopOptions(settings, stepsPerEpoch, masks), parts, start);
  await log.flush();
  const scored = loopEnd === "interrupted" || plan.validation.length === 0 ? null : await validate(prepared);
  const validation = scored === "interrupted" ? null : scored;
  const end = scored === "interrupted" ? scored : loopEnd;
  const environment = environmentFacts(trainer.device, options.threads ?? 0);
  const told = {
    writer,
    validation,
    network,
    settings,
    plan,
    labels,
    progress,
    end,
    secondsPerStep: log.secondsPerStepOfRun(),
    stepsPerEpoch,
    steps: log.steps(),
    environment,
  };
  const file = await writeSegmentationReport(told);
  return {
    run: options.out,
    end,
    epochs: progress.position.epoch,
    steps: progress.position.step,
    best: bestEpoch(progress.history, settings.metric) ?? progress.history.at(-1) ?? null,
    final: progress.history.at(-1) ?? null,
    secondsPerStep: log.secondsPerStep(),
    report: file,
    validation,
  };
}

/** Whole volumes at their own grid: what counts, which Dice of patches only foretells. */
async function validate({ options, settings }: Prepared): Promise<SegmentationValidation | "interrupted"> {
  const { device, threads, signal } = options;
  const { mirrorAxes } = volumeAugmentation(settings.augmentation);
  const onCase = (done: number, total: number) => options.onEvent?.({ kind: "validating", done, total });
  const running = {
    ...(device === undefined ? {} : { device }),
    ...(threads === undefined ? {} : { threads }),
    ...(signal === undefined ? {} : { signal }),
  };
  try {
    return await validateSegmentation(options.out, { ...running, mirrorAxes, onCase });
  } catch (thrown) {
    // The run is trained: resumed, it is validated again.
    if (signal?.aborted) return "interrupted";
    throw thrown;
  }
}

interface Sources {
  readonly train: BatchesOf<VolumeBatch>;
  readonly validation: BatchesOf<VolumeBatch> | null;
}

function openSources({ settings, plan, dataset, options }: Prepared, closers: Closer[]): Sources {
  const { patchesPerCase, foregroundShare, seed } = settings;
  const chosen = (ids: readonly string[]) => dataset.cases.filter(({ id }) => ids.includes(id));
  const missing = [...plan.train, ...plan.validation].find((id) => !dataset.cases.some((each) => each.id === id));
  if (missing !== undefined) {
    throw new InceptionError(
      "DATASET_INVALID",
      `Cannot train on "${settings.data}": it no longer has case "${missing}", expected the run's cases`,
      {
        missing,
      },
    );
  }
  const open = (ids: readonly string[], training: Parameters<typeof createVolumeBatchSource>[0]["training"], workers: number) => {
    const common = { name: dataset.name, cases: chosen(ids), recipe: plan.recipe, batchSize: plan.batch, seed };
    const source = createVolumeBatchSource({ ...common, training, workers });
    closers.push(() => source.close());
    return source;
  };
  const { workers = 1 } = options;
  const augmentation = volumeAugmentation(settings.augmentation);
  return {
    train: open(plan.train, { patchesPerCase, foregroundShare, augmentation }, workers),
    validation: plan.validation.length === 0 ? null : open(plan.validation, null, Math.min(workers, 1)),
  };
}

function beginningOf({ network, settings, plan, labels, start }: Prepared) {
  return {
    kind: "beginning",
    model: network.model,
    parameters: [...network.parameters.values()].reduce((sum, { data }) => sum + data.length, 0),
    classes: labels.length,
    samples: "volumes",
    trainImages: plan.train.length,
    valImages: plan.validation.length,
    epochs: settings.epochs,
    position: start.position,
    begun: [],
  } as const;
}
