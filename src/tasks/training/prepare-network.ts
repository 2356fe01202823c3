import { parseAugmentation } from "../../data/augment/augmentation.js";
import type { Preprocessing } from "../../data/index.js";
import { InceptionError } from "../../errors.js";
import type { Graph } from "../../ir/graph.js";
import { selectOutputs } from "../../ir/prune.js";
import { isCustom, optionsForClasses, withoutAuxiliary } from "../../models/custom.js";
import { type Model, type OptionInput, readOptionInput } from "../../models/index.js";
import { encodeGraph } from "../../models/stored-graph.js";
import { sameShape } from "../../tensor/shape.js";
import type { Tensor } from "../../tensor/tensor.js";
import type { TrainingSettings } from "../../train/settings.js";
import { initialParameters } from "../../weights/index.js";
import { namedPreprocessing } from "../given-metadata.js";
import type { PreparedModel } from "../prepare-model.js";
import type { RunNetwork } from "./run-network.js";

/** A network that is about to be trained on images. */
export interface TrainingNetwork extends RunNetwork {
  readonly preprocessing: Preprocessing;
  /** Side of the input in pixels. */
  readonly inputSize: number;
}

export interface NetworkChoice {
  readonly options?: OptionInput;
  /** Default: the weight set's; from scratch the whole image, or with random crops the middle of it. */
  readonly preprocessing?: Preprocessing | string;
}

/** A network with the weights that training starts from. */
export interface Pretrained {
  readonly model: PreparedModel;
  /** How messages name the weights. */
  readonly shown: string;
  /** How files name them that leave this machine. */
  readonly name: string;
}

/** Reads the weights into a network with these options. */
type LoadPretrained = (options: OptionInput | undefined) => Promise<Pretrained>;

/**
 * Describe a network for a number of classes and give its parameters their first values: those of the weights where
 * these have them, random ones elsewhere. With weights, everything that leads to "features" must be in them. The
 * classifier may be missing, or be one of another size or under other names, and so may auxiliary classifiers: they are
 * trained anew anyway.
 *
 * @param load - null to train from scratch
 * @throws InceptionError OPTION_INVALID, WEIGHTS_MISMATCH, and what `load` throws
 */
export async function prepareNetwork(
  model: Model,
  settings: Pick<TrainingSettings, "seed" | "initializer" | "augmentation">,
  numClasses: number,
  given: NetworkChoice,
  load: LoadPretrained | null,
): Promise<TrainingNetwork> {
  const { graph, options } = describeFor(model, numClasses, given.options ?? {});
  const inputSize = squareInput(graph);
  const fresh = initialParameters(graph, settings.seed, settings.initializer);
  const named = typeof given.preprocessing === "string" ? namedPreprocessing(given.preprocessing) : given.preprocessing;
  const common = { model: model.id, options, graph, ...storedNetwork(model, graph), inputSize };
  if (load === null) {
    return {
      ...common,
      parameters: fresh,
      preprocessing: named ?? scratchPreprocessing(inputSize, settings),
      begun: [],
      startingWeights: null,
    };
  }
  const { numClasses: ownClasses, aux, ...sourceOptions } = given.options ?? {};
  const { model: source, shown, name } = await load(sourceOptions);
  const { parameters, begun } = takeOver(graph, source.parameters, fresh, shown);
  return {
    ...common,
    parameters,
    preprocessing: named ?? source.metadata.preprocessing ?? scratchPreprocessing(inputSize, settings),
    begun,
    startingWeights: { name, sha256: source.metadata.weightsSha256, licence: source.metadata.licence },
    ...(source.classifier?.classes === 0 ? { classifier: source.classifier } : {}),
  };
}

/**
 * The network for a number of classes; the same again of what a run's config.json holds.
 *
 * @throws InceptionError OPTION_INVALID, also for a custom network with another number of classes
 */
export function describeFor(model: Model, numClasses: number, given: OptionInput) {
  const options = readOptionInput(model.id, model.options, optionsForClasses(model, given, numClasses));
  return { graph: model.describe(options), options };
}

/** The trained network without what only training needs. */
export function inferenceNetwork(model: Model, given: OptionInput, numClasses: number) {
  const noAux = Object.hasOwn(model.options, "aux") ? { aux: false } : {};
  // A custom network has the auxiliary classifiers that it was described with.
  const wanted = isCustom(model) ? given : { ...optionsForClasses(model, given, numClasses), ...noAux };
  const options = readOptionInput(model.id, model.options, wanted);
  const graph = model.describe(options);
  return { options, graph: isCustom(model) ? withoutAuxiliary(graph) : graph };
}

/** What a run keeps of a network to describe it again; nothing of a listed one. */
export function storedNetwork(model: Model, graph: Graph): Pick<RunNetwork, "network"> {
  return isCustom(model) ? { network: encodeGraph(graph) } : {};
}

function squareInput(graph: Graph): number {
  const shape = (graph.inputs[0]?.type.shape ?? []).slice(1).map(Number);
  const [channels, height, width] = shape;
  if (shape.length === 3 && channels === 3 && height !== undefined && height === width) return height;
  throw new InceptionError(
    "OPTION_INVALID",
    `Cannot train "${graph.name}" on images with input [${shape.join(", ")}]: expected 3 channels and a square`,
    { channels, height, width },
  );
}

function takeOver(graph: Graph, found: ReadonlyMap<string, Tensor>, fresh: ReadonlyMap<string, Tensor>, weights: string) {
  const body = graph.outputs.some(({ name }) => name === "features")
    ? new Set(selectOutputs(graph, ["features"]).parameters.map(({ path }) => path))
    : new Set<string>();
  const begun = graph.parameters.filter(({ path, type }) => !sameShape(found.get(path)?.shape ?? [], type.shape)).map(({ path }) => path);
  const lost = begun.filter((path) => body.has(path));
  if (lost.length > 0) {
    throw new InceptionError(
      "WEIGHTS_MISMATCH",
      `Cannot initialize from "${weights}": ${lost.length} backbone parameters have different shapes (${lost.slice(0, 3).join(", ")}${lost.length > 3 ? ", …" : ""}); use weights trained with the same network options`,
      { lost },
    );
  }
  const left = new Set(begun);
  const parameters = new Map(
    graph.parameters.flatMap(({ path }) => {
      const value = left.has(path) ? fresh.get(path) : found.get(path);
      return value ? [[path, value] as const] : [];
    }),
  );
  return { parameters, begun };
}

/** The part of an image that random crops show on average when they are as large as evaluation's: slim's 87.5 %. */
const CENTRAL_SHARE = 0.875;

/** −1 to 1, RGB. Where training crops the image, evaluation takes its middle; otherwise all of it. */
function scratchPreprocessing(inputSize: number, { augmentation }: Pick<TrainingSettings, "augmentation">): Preprocessing {
  const cropped = typeof augmentation === "string" && parseAugmentation(augmentation, "the settings").crop.kind === "random_area";
  return {
    resize: cropped
      ? { kind: "shorter_side", size: Math.floor(inputSize / CENTRAL_SHARE), filter: "bilinear" }
      : { kind: "warp", size: inputSize, filter: "bilinear" },
    crop: cropped ? [inputSize, inputSize] : null,
    channelOrder: "RGB",
    mean: [127.5, 127.5, 127.5],
    std: [127.5, 127.5, 127.5],
  };
}
