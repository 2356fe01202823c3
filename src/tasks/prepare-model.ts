import type { Preprocessing } from "../data/index.js";
import { InceptionError } from "../errors.js";
import { quoted } from "../formats/quoted.js";
import type { Graph } from "../ir/graph.js";
import { selectOutputs } from "../ir/prune.js";
import { type ClassifierDifference, classifierDifference } from "../models/classifier.js";
import { isCustom } from "../models/custom.js";
import { weightFits } from "../models/fits.js";
import type { Model, ModelOptions, OptionInput } from "../models/index.js";
import { encodeGraph } from "../models/stored-graph.js";
import type { WeightSet } from "../models/weight-set.js";
import { type ModelMetadata, parseModelMetadata } from "../predict/model-metadata.js";
import { throwIfAborted } from "../runtime/abort.js";
import type { FileInput, OpenedWeights, Platform, SourceOptions } from "../runtime/platform.js";
import type { Tensor } from "../tensor/tensor.js";
import { type AllowedDifferences, compareWeights, listNames, loadWeights, type WeightReport } from "../weights/apply.js";
import type { WeightFile } from "../weights/weight-file.js";
import { checkLabels, namedPreprocessing } from "./given-metadata.js";
import {
  type ChosenWeights,
  checkPublishedHash,
  chooseWeightSet,
  isPretrained,
  type Published,
  publishedWeights,
} from "./weight-choice.js";

export interface PrepareOptions {
  /** Options of the network; see `findModel(id).options`. */
  readonly options?: ModelOptions;
  /** How images become inputs: a recipe or the name of one. Default: the weight set's. */
  readonly preprocessing?: Preprocessing | string;
  /** Class names by index. Default: the weight file's, or the weight set's. */
  readonly labels?: readonly string[];
  /** Differences between file and network that are meant. */
  readonly allow?: AllowedDifferences;
  /**
   * Whether the weights must have the network's classifier. If not, weights of the backbone are accepted too, and weights
   * whose classifier has other names or another number of classes; the network then lacks the outputs that need it.
   * Default true; in `loadModel` false where `outputs` names none that needs it.
   */
  readonly needsClassifier?: boolean;
}

/** A network with values for every parameter and what is known about them. */
export interface PreparedModel {
  readonly graph: Graph;
  readonly parameters: ReadonlyMap<string, Tensor>;
  readonly metadata: ModelMetadata;
  readonly report: WeightReport;
  /** What the weights lack of the network's classifier; absent where they have it. */
  readonly classifier?: ClassifierDifference;
}

/**
 * Describe a network and read its weights: find the file, recognize its format and whose names it uses, read the values.
 *
 * @param weights - `pretrained`, `pretrained:<name>` (src/models/*.weights.ts lists them), or any source of the platform
 * @throws InceptionError OPTION_INVALID, SOURCE_INVALID, FILE_…, HASH_MISMATCH, WEIGHTS_MISMATCH
 */
export async function prepareModel<F extends SourceOptions>(
  platform: Pick<Platform<F>, "openWeights">,
  model: Model,
  weights: FileInput,
  options: PrepareOptions & F,
): Promise<PreparedModel> {
  const published = publishedWeights(model, weights);
  const source = isPretrained(weights) && published !== null ? published.file : weights;
  const opened = await platform.openWeights(source, options);
  try {
    throwIfAborted(options.signal);
    if (isPretrained(weights)) checkPublishedHash(published, opened.sha256);
    return await prepareOpened(model, opened, options, published);
  } finally {
    await opened.close();
  }
}

/**
 * The same with weights that are open.
 *
 * @param published - the published file that they are; null where they are none
 */
export async function prepareOpened(
  model: Model,
  { file, name, title, sha256: weightsSha256 }: Omit<OpenedWeights, "close">,
  options: PrepareOptions,
  published: Published | null,
): Promise<PreparedModel> {
  const saved = parseModelMetadata(Object.entries(file.metadata), name);
  const savedOptions = saved?.model === model.id ? knownOptions(model, saved.options) : {};
  const chosen = chooseWeightSet(model, file, { saved: savedOptions, asked: options.options ?? {} }, published);
  const { set, map, given } = chosen;
  const { graph, ...read } = await readParameters(chosen, { file, name, saved }, options);
  const metadata: ModelMetadata = {
    model: model.id,
    options: given,
    ...(isCustom(model) ? { network: encodeGraph(graph) } : {}),
    preprocessing: choosePreprocessing(options.preprocessing, saved, preprocessingOf(set, published), graph),
    ...(saved?.segmentation === undefined ? {} : { segmentation: saved.segmentation }),
    ...confidenceOf(saved, model),
    labels: options.labels ?? saved?.labels ?? (await setLabels(set, graph)),
    source: saved?.source ?? `${title}, by ${map.source} names`,
    licence:
      saved?.licence ??
      statedLicence(file.metadata) ??
      (set && isPublishedForm(model, set, given) ? `as published: ${set.licence}` : "not stated"),
    weightsSha256,
    golden: null,
  };
  checkLabels(metadata, classCount(graph));
  return { graph, metadata, ...read };
}

/** Calibration and threshold belong to the logits of the network that they were fitted on. */
function confidenceOf(saved: ModelMetadata | null, { id }: Model): Pick<ModelMetadata, "calibration" | "unknown"> {
  if (saved?.model !== id) return {};
  const { calibration, unknown } = saved;
  return { ...(calibration && { calibration }), ...(unknown && { unknown }) };
}

/** A custom network may have been described by a function of options when its weights were saved, and alone now. */
function knownOptions(model: Model, saved: OptionInput): OptionInput {
  if (!isCustom(model)) return saved;
  return Object.fromEntries(Object.entries(saved).filter(([name]) => Object.hasOwn(model.options, name)));
}

/** A weight file, what messages call it, and what it says about itself. */
interface NamedFile {
  readonly file: WeightFile;
  readonly name: string;
  readonly saved: ModelMetadata | null;
}

/** The values of all parameters; where the classifier may be missing and is, the network is cut before it. */
async function readParameters(
  { map, graph }: ChosenWeights,
  { file, name, saved }: NamedFile,
  { allow = {}, needsClassifier = true }: PrepareOptions,
): Promise<Pick<PreparedModel, "graph" | "parameters" | "report" | "classifier">> {
  const report = compareWeights(graph, file, map);
  const classifier = classifierDifference(graph, file, map, report);
  if (classifier === null || classifier.missing.every((path) => allow.missing?.includes(path))) {
    try {
      return { graph, ...(await loadWeights(graph, file, map, allow)) };
    } catch (thrown) {
      throw diagnosed(thrown, graph, report, { file, name, saved });
    }
  }
  if (needsClassifier) throw withoutClassifier(graph, name, classifier);
  const kept = selectOutputs(
    graph,
    graph.outputs.map((output) => output.name).filter((output) => !classifier.outputs.includes(output)),
  );
  const { unexpected } = compareWeights(kept, file, map);
  const { parameters } = await loadWeights(kept, file, map, { ...allow, unexpected: [...(allow.unexpected ?? []), ...unexpected] });
  return { graph: kept, parameters, report, classifier };
}

/** The error of a file that lacks the classifier alone, where it is needed. */
function withoutClassifier(graph: Graph, name: string, difference: ClassifierDifference): InceptionError {
  const { classes, missing, foreign } = difference;
  const lacking = `missing ${listNames(missing)}`;
  const fact =
    classes > 0
      ? `the file's classifier has ${classes} classes, expected ${classCount(graph)}; set option numClasses to ${classes}`
      : `the file has no classifier ${foreign.length === 0 ? `(${lacking})` : `of this network (${lacking}; it has ${listNames(foreign.map(quoted))})`}; it can be used for features and to start training`;
  return new InceptionError("WEIGHTS_MISMATCH", `Cannot load weights "${name}" into "${graph.name}": ${fact}`, { ...difference });
}

/** The error of a file whose names fit another network, with that network. */
function diagnosed(thrown: unknown, { name: model }: Graph, { missing }: WeightReport, { file, name, saved }: NamedFile): unknown {
  // Where every name is found only shapes differ: these are other options of the same network.
  if (!(thrown instanceof InceptionError && thrown.code === "WEIGHTS_MISMATCH") || missing.length === 0) return thrown;
  const fits = weightFits(file, saved);
  const models = [...new Set(fits.map((fit) => fit.model))];
  const [first] = fits;
  if (first === undefined) {
    return new InceptionError(thrown.code, `${thrown.message}; the file matches no listed network with default options`, thrown.details, {
      cause: thrown,
    });
  }
  // Other options of the same network; the error names what differs.
  if (models.includes(model)) return thrown;
  const message = `Cannot load weights "${name}" into "${model}": they are weights of ${models.join(" and ")} with ${first.names} naming; use model ${models.join(" or ")}`;
  return new InceptionError("WEIGHTS_MISMATCH", message, { ...thrown.details, fits }, { cause: thrown });
}

/** The license that a safetensors header states, in either spelling. */
function statedLicence(metadata: Readonly<Record<string, string>>): string | undefined {
  return Object.entries(metadata).find(([key]) => key === "licence" || key === "license")?.[1];
}

/** Whether the network is the one that was published with these weights; a changed one was trained by somebody else. */
function isPublishedForm({ options }: Model, set: WeightSet, given: OptionInput): boolean {
  const published = (name: string): unknown => set.options?.[name] ?? options[name]?.default;
  return Object.entries(given).every(
    ([name, value]) => name === "inputSize" || name === "dropRate" || JSON.stringify(published(name)) === JSON.stringify(value),
  );
}

/** The recipe that the weights were trained with, of the file itself or of its set. */
function preprocessingOf(set: WeightSet | null, published: Published | null): string | null {
  return (published?.set === set ? published?.file.preprocessing : undefined) ?? set?.preprocessing ?? null;
}

function choosePreprocessing(
  given: Preprocessing | string | undefined,
  saved: ModelMetadata | null,
  trained: string | null,
  graph: Graph,
): Preprocessing | null {
  if (typeof given === "string") return namedPreprocessing(given);
  const recipe = given ?? saved?.preprocessing ?? (trained === null ? null : namedPreprocessing(trained));
  if (recipe === null || given !== undefined) return recipe;
  return atInputSize(recipe, graph);
}

/** The weight set's recipe for another input size: the same share of the image, so the resize grows with the crop. */
function atInputSize(recipe: Preprocessing, graph: Graph): Preprocessing {
  const [height = 0, width = 0] = (graph.inputs[0]?.type.shape ?? []).slice(2).map(Number);
  const side = recipe.crop ? Math.min(...recipe.crop) : recipe.resize.size;
  const size = Math.round((recipe.resize.size * Math.max(height, width)) / side);
  const same = recipe.crop ? recipe.crop[0] === height && recipe.crop[1] === width : recipe.resize.size === height && height === width;
  return same ? recipe : { ...recipe, resize: { ...recipe.resize, size }, crop: [height, width] };
}

async function setLabels(set: WeightSet | null, graph: Graph): Promise<readonly string[] | null> {
  if (set?.labels !== "imagenet_1000" || classCount(graph) !== 1000) return null;
  const { IMAGENET_LABELS } = await import("../data/imagenet.js");
  return IMAGENET_LABELS;
}

/** Number of classes of the "logits" output, or null where there is none. */
export function classCount(graph: Graph): number | null {
  const logits = graph.outputs.find((output) => output.name === "logits");
  const type = logits && graph.types.get(logits.value);
  return type ? Number(type.shape[1]) : null;
}
