import type { Preprocessing } from "../../data/index.js";
import { InceptionError } from "../../errors.js";
import type { Graph } from "../../ir/graph.js";
import { selectOutputs } from "../../ir/prune.js";
import { findModel, type GivenOptions, readGivenOptions } from "../../models/index.js";
import { namedPreprocessing } from "../../tasks/given-metadata.js";
import { sameShape } from "../../tensor/shape.js";
import type { Tensor } from "../../tensor/tensor.js";
import { graphHash } from "../../train/checkpoint.js";
import type { TrainingSettings } from "../../train/settings.js";
import { initialParameters } from "../../weights/index.js";
import { prepareModel } from "../prepare-model.js";
import { sha256Hex } from "../sha256.js";
import type { SourceOptions } from "../weight-source.js";
import type { RunNetwork } from "./run-network.js";
import { sourceName } from "./source-names.js";

/** A network that is about to be trained on images. */
export interface TrainingNetwork extends RunNetwork {
  readonly preprocessing: Preprocessing;
  /** Side of the input in pixels. */
  readonly inputSize: number;
}

export interface NetworkOptions extends SourceOptions {
  readonly options?: GivenOptions;
  /** Default: the weight set's; from scratch the whole image, or with random crops the middle of it. */
  readonly preprocessing?: Preprocessing | string;
}

/**
 * Describe a network for a number of classes and give its parameters their first values: those of the weights where
 * these have them, random ones elsewhere. With weights, everything that leads to "features" must be in them. The
 * classifier may be missing, or be one of another size or under other names, and so may auxiliary classifiers: they are
 * trained anew anyway.
 *
 * @throws InceptionError as `prepareModel`; WEIGHTS_MISMATCH, OPTION_INVALID
 */
export async function prepareNetwork(
  id: string,
  settings: TrainingSettings,
  numClasses: number,
  given: NetworkOptions = {},
): Promise<TrainingNetwork> {
  const model = findModel(id);
  const { graph, options } = describeFor(id, numClasses, given.options ?? {});
  const inputSize = squareInput(graph);
  const fresh = initialParameters(graph, settings.seed, settings.initializer);
  const named = typeof given.preprocessing === "string" ? namedPreprocessing(given.preprocessing) : given.preprocessing;
  const common = { model: model.id, options, graph, graphHash: hashOf(graph), inputSize };
  if (settings.weights === null) {
    return {
      ...common,
      parameters: fresh,
      preprocessing: named ?? scratchPreprocessing(inputSize, settings),
      begun: [],
      startingWeights: null,
    };
  }
  const { numClasses: ownClasses, aux, ...sourceOptions } = given.options ?? {};
  const source = await prepareModel(id, settings.weights, { ...given, options: sourceOptions, needsClassifier: false });
  const { parameters, begun } = takeOver(graph, source.parameters, fresh, settings.weights);
  return {
    ...common,
    parameters,
    preprocessing: named ?? source.artefact.preprocessing ?? scratchPreprocessing(inputSize, settings),
    begun,
    startingWeights: { name: sourceName(settings.weights), sha256: source.artefact.weightsSha256, licence: source.artefact.licence },
    ...(source.classifier?.classes === 0 ? { classifier: source.classifier } : {}),
  };
}

/** The same network again, as a run's config.json describes it. */
export function describeFor(id: string, numClasses: number, given: GivenOptions) {
  const model = findModel(id);
  const options = readGivenOptions(model.id, model.options, { ...given, numClasses });
  return { graph: model.describe(options), options };
}

export function hashOf(graph: Graph): string {
  return graphHash(graph, sha256Hex);
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
      `Cannot begin with "${weights}": ${lost.length} parameters of the network itself have another shape there (${lost.slice(0, 3).join(", ")}${lost.length > 3 ? ", …" : ""}), expected weights of the same options`,
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
function scratchPreprocessing(inputSize: number, { augmentation }: TrainingSettings): Preprocessing {
  const cropped = augmentation === "inception" || augmentation === "light";
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
