/**
 * A training run from files to files:
 *
 *   data ──► batches ──┐
 *   weights ──► network ──► frozen part ──► inputs ──► programs ──► loop ──► run folder, report
 */
import { type SplitNetwork, splitFrozen } from "../../compile/training/frozen.js";
import { selectTrained } from "../../compile/training/training.js";
import type { Batch } from "../../data/batch.js";
import type { DatasetSource } from "../../data/dataset-source.js";
import { InceptionError } from "../../errors.js";
import { findModel, type GivenOptions } from "../../models/index.js";
import type { CancelSignal } from "../../runtime/session.js";
import type { TrainerOptions } from "../../runtime/trainer.js";
import type { Checkpoint } from "../../train/checkpoint.js";
import { classification } from "../../train/classification.js";
import { featureSource } from "../../train/feature-source.js";
import { trainedParameters } from "../../train/freeze.js";
import { bestEpoch, type EpochRow } from "../../train/history.js";
import { evaluate, type LoopEnd, type LoopParts, trainLoop } from "../../train/loop.js";
import type { Evaluation } from "../../train/metrics.js";
import { familyRecipe } from "../../train/recipes.js";
import { resolveSettings, settingsJson, type TrainingSettings } from "../../train/settings.js";
import type { FedSource } from "../../train/task.js";
import { throwIfAborted, untilAborted } from "../abort.js";
import { type BatchSourceOptions, createBatchSource } from "../batch-source.js";
import { openDataset } from "../datasets/index.js";
import { openRun, type Run, type RunConfig, readRunCheckpoint } from "../open-run.js";
import { checkFreeForRun, createRun, makeRunFolder, type RunWriter, resumeRun } from "../run-folder.js";
import { locateSource, placesOf } from "../run-sources.js";
import { batchOptions } from "./batch-options.js";
import { FROM_BEGINNING, type RunStart, startFrom } from "./checkpoint-state.js";
import { extendRun } from "./extend-run.js";
import { type FrozenPart, featureInputs, featureTable, openFrozenPart } from "./frozen-part.js";
import { loopOptions } from "./loop-options.js";
import { openTrainer } from "./open-trainer.js";
import { describeFor, hashOf, type NetworkOptions, prepareNetwork, type TrainingNetwork } from "./prepare-network.js";
import { environmentFacts, type RunBeginning, type RunEvent, runLog } from "./run-log.js";
import { writeRunReport } from "./run-report.js";
import { runSaver } from "./run-saver.js";
import { readStartingWeights, startingWeightsJson } from "./source-names.js";

export interface TrainModelOptions extends TrainerOptions, NetworkOptions {
  /** Directory of the run, new or empty. Default: `runs/<model>-<n>`, with the first number n that is free. */
  readonly out?: string;
  /** Threads that decode and augment. Default 1. */
  readonly workers?: number;
  /** News: steps, epochs, images that were left out, what is being prepared. */
  readonly onEvent?: (event: RunEvent) => void;
  /**
   * Ends the run, at the latest after the step, batch or file under way. Before the first step the call rejects with `signal.reason`;
   * from then on it saves a checkpoint and resolves with `end` "interrupted".
   */
  readonly signal?: CancelSignal;
}

interface ResumeTrainingOptions extends Omit<TrainModelOptions, "options" | "preprocessing"> {
  /** Directory of the run. */
  readonly out: string;
  /** Another number of epochs, more than are done. Default: the run's. */
  readonly epochs?: number;
}

export interface TrainedRun {
  readonly run: string;
  readonly end: LoopEnd;
  /** Epochs done. */
  readonly epochs: number;
  readonly steps: number;
  /** The epoch that `best` holds; null before the first. */
  readonly best: EpochRow | null;
  readonly final: EpochRow | null;
  /** Mean wall time of the steps that this call took; null where it took none. */
  readonly secondsPerStep: number | null;
  /** Where the report is. */
  readonly report: string;
}

/**
 * Train a network and write a run folder.
 *
 * @param id - model id or family name
 * @param given - settings by name (`resolveSettings`); `data` is needed
 * @throws InceptionError DATASET_INVALID, OPTION_INVALID, RUN_INVALID, TRAINING_DIVERGED and those of weights and files
 *
 * @example
 * ```ts
 * import { mkdtemp } from "node:fs/promises";
 * import { tmpdir } from "node:os";
 * import { trainModel } from "inceptionkit/node";
 * const out = await mkdtemp(`${tmpdir()}/run-`);
 * const options = { inputSize: 75, widthMultiplier: 0.0625, repeats: [1, 1, 1] };
 * const { epochs } = await trainModel("inception_resnet_v1", { data: "shapes10?train=32&val=10", epochs: 1 }, { out, options });
 * epochs; // 1
 * ```
 */
export async function trainModel(id: string, given: GivenOptions, options: TrainModelOptions): Promise<TrainedRun> {
  const { settings, network, train, val } = await prepareTraining(id, given, options);
  const out = options.out ?? (await makeRunFolder(network.model));
  const config = { ...runConfig(network, settings), places: await placesOf(out, settingsJson(settings)) };
  const contents = { config, labels: train.classes, recipe: { preprocessing: network.preprocessing } };
  const writer = await createRun(out, contents, Date.now() / 1000);
  return finishRun({ settings, network, train, val, writer, ...FROM_BEGINNING, options: { ...options, out } });
}

/** What a run trains, before it writes anything. */
type PreparedTraining = Pick<Prepared, "settings" | "network" | "train" | "val">;

/** @internal The first half of `trainModel`: settings, data and network. */
export async function prepareTraining(id: string, given: GivenOptions, options: TrainModelOptions): Promise<PreparedTraining> {
  const { recipe } = given;
  const settings = resolveSettings({
    ...given,
    ...(typeof recipe === "string" ? { recipe: familyRecipe(findModel(id).family, recipe) } : {}),
  });
  // Before weights are fetched.
  if (options.out !== undefined) await checkFreeForRun(options.out);
  const { signal } = options;
  const { train, val } = await untilAborted(signal, openDataset(settings.data, datasetOptions(settings)));
  options.onEvent?.({ kind: "preparing", what: "network" });
  const network = await untilAborted(signal, prepareNetwork(id, settings, train.classes.length, options));
  return { settings, network, train, val };
}

/**
 * Resumes a run from its last checkpoint. The result is bit-identical to that of an uninterrupted run; in the report only times
 * differ.
 *
 * @throws InceptionError as `trainModel`; RUN_INVALID, CHECKPOINT_INVALID
 */
export async function resumeTraining(options: ResumeTrainingOptions): Promise<TrainedRun> {
  const found = await openRun(options.out);
  const { config } = found;
  const stored = resolveSettings(config.settings);
  const data = await locateSource(found, "data", stored.data);
  const places = datasetOptions({ ...stored, val: await locateSource(found, "val", stored.val) });
  const { train, val } = await untilAborted(options.signal, openDataset(data, places));
  const { writer, checkpoint, run, lines } = await resumeRun(options.out, Date.now() / 1000, {
    expected: { model: config.model, graphHash: config.graphHash },
  });
  try {
    const from = startFrom(checkpoint, lines);
    const { settings, lines: notes } = await extendRun(run, stored, options.epochs, from.start.position);
    options.onEvent?.({ kind: "planned", lines: notes });
    const network = await resumedNetwork(run, checkpoint, settings, train, options);
    return await finishRun({ settings, network, train, val, writer, ...from, options });
  } finally {
    await writer.close();
  }
}

function datasetOptions({ val, valFraction, seed }: Pick<TrainingSettings, "val" | "valFraction" | "seed">) {
  return { valFraction, seed, ...(val === null ? {} : { val }) };
}

function runConfig({ model, options, graphHash, startingWeights }: TrainingNetwork, settings: TrainingSettings): RunConfig {
  return { model, options, graphHash, settings: settingsJson(settings), ...startingWeightsJson(startingWeights) };
}

/** A run's network with the parameters of its checkpoint; one without a checkpoint begins again. */
async function resumedNetwork(
  run: Run,
  checkpoint: Checkpoint | null,
  settings: TrainingSettings,
  train: DatasetSource,
  options: NetworkOptions,
): Promise<TrainingNetwork> {
  const { config, labels, preprocessing, folder } = run;
  if (preprocessing === null) {
    const message = `Cannot resume "${folder}": it segments volumes, expected a run that classifies; resume it with inception train-seg`;
    throw new InceptionError("RUN_INVALID", message, { folder });
  }
  if (labels.join("\n") !== train.classes.join("\n")) {
    throw new InceptionError(
      "DATASET_INVALID",
      `Cannot resume "${folder}": the data now has the classes ${train.classes.join(", ")}, expected those of the run, ${labels.join(", ")}`,
      { folder },
    );
  }
  if (checkpoint === null) {
    const { numClasses, ...given } = config.options;
    const weights = await locateSource(run, "weights", settings.weights);
    return prepareNetwork(config.model, { ...settings, weights }, labels.length, { ...options, options: given, preprocessing });
  }
  const { graph, options: resolved } = describeFor(config.model, labels.length, config.options);
  if (hashOf(graph) !== config.graphHash) {
    throw new InceptionError(
      "CHECKPOINT_INVALID",
      `Cannot resume "${folder}": this version describes ${config.model} differently from the one that began the run, expected the same description`,
      { folder },
    );
  }
  const parameters = new Map(
    graph.parameters.flatMap(({ path, type }) => {
      const value = checkpoint.state.get(path);
      return value ? [[path, { ...value, shape: type.shape.map(Number) }] as const] : [];
    }),
  );
  const inputSize = Number(graph.inputs[0]?.type.shape[2]);
  const startingWeights = readStartingWeights(config);
  const { graphHash } = config;
  return { model: config.model, options: resolved, graph, graphHash, parameters, preprocessing, inputSize, begun: [], startingWeights };
}

interface Prepared extends RunStart {
  readonly settings: TrainingSettings;
  readonly network: TrainingNetwork;
  readonly train: DatasetSource;
  readonly val: DatasetSource | null;
  readonly writer: RunWriter;
  readonly options: ResumeTrainingOptions;
}

/** Everything that is open while a run trains. */
interface Opened {
  readonly closers: (() => Promise<void>)[];
}

async function finishRun(prepared: Prepared): Promise<TrainedRun> {
  prepared.options.onEvent?.({ kind: "folder", run: prepared.options.out });
  const opened: Opened = { closers: [() => prepared.writer.close()] };
  try {
    return await runTraining(prepared, opened);
  } finally {
    for (const close of opened.closers.toReversed()) await close();
  }
}

async function runTraining(prepared: Prepared, opened: Opened): Promise<TrainedRun> {
  const { settings, network, writer, start, state, options } = prepared;
  const report = options.onEvent ?? (() => {});
  const selected = selectTrained(network.graph);
  const isTrained = trainedParameters(network.graph, settings.freeze);
  const split = splitFrozen(selected, isTrained);
  const frozen = await openFrozenPart(split, network.parameters, options);
  opened.closers.push(() => frozen.close());
  throwIfAborted(options.signal);
  const sources = await openSources(prepared, opened, frozen, split);
  report({ kind: "preparing", what: "programs" });
  const { compiled, trainer, masks } = await openTrainer(split, isTrained, settings, network.parameters, options);
  opened.closers.push(() => trainer.close());
  throwIfAborted(options.signal);
  const names = new Set(compiled.state.map(({ name }) => name));
  if (state) await trainer.writeState(new Map([...state].filter(([name]) => names.has(name))));
  const fixed = new Map([...network.parameters].filter(([path]) => !names.has(path)));
  const { batchesPerEpoch } = sources.train.source;
  const stepsPerEpoch = Math.ceil(batchesPerEpoch / settings.accumulate);
  report(beginning(prepared, batchesPerEpoch, stepsPerEpoch));
  const log = runLog(writer, settings, batchesPerEpoch, report, prepared.earlier);
  const parts: LoopParts<Batch, Evaluation> = {
    trainer,
    task: classification(prepared.train, prepared.val, settings.mixup > 0 || settings.cutmix > 0),
    ...sources,
    report: log.report,
    interrupted: () => options.signal?.aborted === true,
    lastCheckpoint: () => log.lastCheckpoint(),
    save: runSaver({ trainer, fixed, network, settings, writer, log }),
  };
  const { end: loopEnd, progress } = await trainLoop(loopOptions(settings, stepsPerEpoch, masks), parts, start);
  await log.flush();
  const best = bestEpoch(progress.history, settings.metric) ?? progress.history.at(-1) ?? null;
  const measured = best && (log.evaluationOf(best.epoch) ?? (await evaluateBest(options.out, parts, names)));
  const evaluation = measured === "interrupted" ? null : measured;
  const end = measured === "interrupted" ? measured : loopEnd;
  const file = await writeRunReport({
    writer,
    network,
    settings,
    progress,
    end,
    evaluation,
    secondsPerStep: log.secondsPerStepOfRun(),
    stepsPerEpoch,
    classes: prepared.train.classes,
    val: prepared.val,
    steps: log.steps(),
    environment: environmentFacts(trainer.device, options.threads ?? 0),
  });
  return {
    run: options.out,
    end,
    epochs: progress.position.epoch,
    steps: progress.position.step,
    best,
    final: progress.history.at(-1) ?? null,
    secondsPerStep: log.secondsPerStep(),
    report: file,
  };
}

function beginning({ network, settings, train, val, start }: Prepared, batchesPerEpoch: number, stepsPerEpoch: number): RunBeginning {
  return {
    kind: "beginning",
    model: network.model,
    parameters: [...network.parameters.values()].reduce((sum, { data }) => sum + data.length, 0),
    classes: train.classes.length,
    samples: "images",
    trainImages: train.size,
    valImages: val?.size ?? 0,
    epochs: settings.epochs,
    batchesPerEpoch,
    stepsPerEpoch,
    position: start.position,
    begun: network.begun,
    ...(network.classifier === undefined ? {} : { classifier: network.classifier }),
  };
}

/** Of a run whose best epoch was measured before it was resumed. */
async function evaluateBest(
  folder: string,
  parts: LoopParts<Batch, Evaluation>,
  names: ReadonlySet<string>,
): Promise<Evaluation | "interrupted" | null> {
  const run = await openRun(folder);
  if (parts.validation === null || !run.hasBest) return null;
  const { state } = await readRunCheckpoint(run, "best", { select: (name) => names.has(name) });
  await parts.trainer.writeState(state);
  return evaluate(parts, parts.validation);
}

type Sources = Pick<LoopParts<Batch, Evaluation>, "train" | "validation">;

/** Batches of images; or, where a fixed part sees each image the same way each time, of its features, computed once. */
async function openSources(prepared: Prepared, opened: Opened, frozen: FrozenPart, split: SplitNetwork): Promise<Sources> {
  const { settings, network, train, val, options } = prepared;
  const batches = batchOptions(settings, network, options.workers ?? 1);
  const open = async (dataset: DatasetSource, how: BatchSourceOptions): Promise<FedSource<Batch>> => {
    const source = await createBatchSource(dataset, how);
    opened.closers.push(() => source.close());
    return { source, inputs: (batch) => frozen.inputs(batch) };
  };
  const report = (done: number, total: number) => options.onEvent?.({ kind: "features", done, total });
  const cached = async (dataset: DatasetSource, training: boolean): Promise<FedSource<Batch> | null> => {
    if (split.frozen === null) return null;
    const { source } = await open(dataset, batches.measuring);
    const table = await featureTable(frozen, split, source, report, options.signal);
    const { batch: batchSize, seed } = settings;
    return (
      table && { source: featureSource(dataset, table, { batchSize, seed, training }), inputs: (batch) => featureInputs(split, batch) }
    );
  };
  const isFixed = settings.augmentation === "none" && settings.mixup === 0 && settings.cutmix === 0;
  return {
    train: (isFixed ? await cached(train, true) : null) ?? (await open(train, batches.training)),
    validation: val && ((await cached(val, false)) ?? (await open(val, batches.measuring))),
  };
}
