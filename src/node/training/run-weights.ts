import type { Preprocessing } from "../../data/index.js";
import type { Graph } from "../../ir/graph.js";
import { MODELS } from "../../models/index.js";
import type { ModelMetadata } from "../../predict/model-metadata.js";
import { checkLabels, namedPreprocessing } from "../../tasks/given-metadata.js";
import type { CheckpointChoice } from "../../tasks/model-host.js";
import type { PreparedModel } from "../../tasks/prepare-model.js";
import { checkpointParameters } from "../../tasks/training/checkpoint-state.js";
import { describeFor, inferenceNetwork, storedNetwork } from "../../tasks/training/prepare-network.js";
import { wholeReport } from "../../tasks/training/trained-model.js";
import { readCheckpoint } from "../../train/checkpoint.js";
import { isFolder } from "../file-source.js";
import { openRun, openRunCheckpoint, type Run } from "../open-run.js";
import { sha256OfSource } from "../sha256.js";
import { hashOf, runModel } from "./run-network.js";
import { readStartingWeights, sourceName } from "./source-names.js";

/** Which checkpoint of a run is prepared, and with which preprocessing and classes. */
export interface PrepareRunOptions {
  /** Default: `best`, or `last` where no epoch was finished. */
  readonly checkpoint?: CheckpointChoice;
  /** Default: the run's. */
  readonly preprocessing?: Preprocessing | string;
  /** Default: the run's. */
  readonly labels?: readonly string[];
}

/**
 * Returns whether a text names a run directory rather than a model. Model ids take precedence: write `./googlenet` for a
 * directory of that name.
 */
export async function isRunFolder(text: string): Promise<boolean> {
  if (MODELS.some(({ id, family }) => id === text || family === text)) return false;
  return isFolder(text);
}

/**
 * The network that a run trained, with the parameters of one of its checkpoints (the averages where the run keeps them)
 * and without auxiliary heads: ready to be run, measured and exported.
 *
 * @throws InceptionError RUN_INVALID, CHECKPOINT_INVALID, FILE_…, OPTION_INVALID
 *
 * @example
 * ```ts
 * import { exportOnnx, prepareRun } from "inceptionkit/node";
 * await exportOnnx(await prepareRun("runs/photos"), "photos.onnx");
 * ```
 */
export async function prepareRun(folder: string, options: PrepareRunOptions = {}): Promise<PreparedModel> {
  const run = await openRun(folder);
  const choice = options.checkpoint ?? (run.hasBest ? "best" : "last");
  const { config } = run;
  const model = runModel(run);
  const { graph: trained } = describeFor(model, run.labels.length, config.options);
  const expected = { model: model.id, graphHash: hashOf(trained) };
  const { graph, options: given } = inferenceNetwork(model, config.options, run.labels.length);
  const names = new Set(graph.parameters.flatMap(({ path: own }) => [own, `${own}:average`]));
  const source = await openRunCheckpoint(run, choice);
  // Both of one opening: a run that goes on replaces its checkpoints.
  const read = async () => ({
    checkpoint: await readCheckpoint(source, { expected, select: (name) => names.has(name) }),
    weightsSha256: await sha256OfSource(source),
  });
  const { checkpoint, weightsSha256 } = await read().finally(() => source.close());
  const { epoch, batch } = checkpoint.meta.position;
  const metadata: ModelMetadata = {
    model: model.id,
    options: given,
    ...storedNetwork(model, graph),
    preprocessing: chosenPreprocessing(run, options.preprocessing),
    ...(run.segmentation === null ? {} : { segmentation: run.segmentation }),
    ...(batch === 0 && run.calibration?.epoch === epoch ? { calibration: run.calibration.record } : {}),
    labels: options.labels ?? run.labels,
    source: `trained with inceptionkit ${trainedOn(run)}, ${epoch} epochs${batch === 0 ? "" : ` and ${batch} batches`}`,
    licence: licenceOf(run),
    weightsSha256,
    golden: null,
  };
  checkLabels(metadata, run.labels.length);
  return { graph, parameters: checkpointParameters(graph, checkpoint), metadata, report: wholeReport(graph) };
}

/**
 * The network that a run trains, without auxiliary heads and without its weights.
 *
 * @throws InceptionError RUN_INVALID, FILE_…, OPTION_INVALID
 */
export async function describeRun(folder: string): Promise<Graph> {
  const run = await openRun(folder);
  return inferenceNetwork(runModel(run), run.config.options, run.labels.length).graph;
}

function chosenPreprocessing(run: Run, given: Preprocessing | string | undefined): Preprocessing | null {
  return typeof given === "string" ? namedPreprocessing(given) : (given ?? run.preprocessing);
}

function trainedOn({ config, plan }: Run): string {
  const { settings } = config;
  if (plan !== null && typeof plan.dataset === "string") {
    const { fold, folds } = settings;
    const without = typeof fold === "number" && typeof folds === "number" ? ` without fold ${fold} of ${folds}` : "";
    return `on ${plan.dataset}${without}`;
  }
  const data = typeof settings.data === "string" ? `on ${sourceName(settings.data)}` : "on data that it does not name";
  const started = readStartingWeights(config);
  if (started !== null) return `${data}, from ${started.name}${started.sha256 === null ? "" : ` (SHA-256 ${started.sha256})`}`;
  return typeof settings.weights === "string" ? `${data}, from ${sourceName(settings.weights)}` : data;
}

/** Of the data, where it states one, and of the weights that the run was started from. */
function licenceOf({ config, plan }: Run): string {
  const started = readStartingWeights(config);
  const parts = [
    ...(typeof plan?.licence === "string" ? [`of the data: ${plan.licence}`] : []),
    ...(started === null || started.licence === "not stated" ? [] : [`of the starting weights: ${started.licence}`]),
  ];
  return parts.length === 0 ? "not stated" : parts.join("; ");
}
