import { type Summary, summarize } from "../analysis/summary.js";
import { type DiagramFormat, diagram, renderDiagram } from "../diagram/index.js";
import type { Graph } from "../ir/graph.js";
import { customModel } from "../models/custom.js";
import { findModel, type Model, type ModelName, type OptionInput, type OptionsOf } from "../models/index.js";
import { GraphBuilder } from "../ops/build.js";
import type { Tensor } from "../tensor/tensor.js";
import { type Initializer, initialParameters } from "../weights/initialize.js";
import type { DescribedModel } from "./model-source.js";

/** An architecture without weights. */
export interface Network extends DescribedModel {
  readonly name: string;
  readonly graph: Graph;
  /** Returns the stages and layers with their shapes, parameters and MACs. */
  summary(): Summary;
  /** Draws the network as text in the given format. Default: "svg". */
  diagram(format?: DiagramFormat): Promise<string>;
  /** Initializes every parameter for training from scratch. The same seed gives the same values. Default initializer: "he_normal". */
  initialize(seed: number, initializer?: Initializer): ReadonlyMap<string, Tensor>;
}

/** A function that adds the inputs, layers and outputs of a custom network. */
export type NetworkBuilder = (b: GraphBuilder) => void;

/**
 * Describes a listed network by its id and options, or a custom network by a name and a function that adds its ops and layers.
 *
 * A custom network that ends in "logits" [N, classes] classifies, one that ends in "logits" [N, classes, D, H, W] segments; any
 * other computes embeddings. Its name has at most 64 letters, digits, ".", "_" and "-", and is not the id or family of a listed
 * network.
 *
 * @throws InceptionError MODEL_UNKNOWN, OPTION_INVALID, SHAPE_INVALID, GRAPH_INVALID
 *
 * @example
 * ```ts
 * import { describe } from "inceptionkit";
 * const network = describe("inception_v3", { numClasses: 5 });
 * network.summary().params; // 21795813
 * ```
 */
export function describe<N extends ModelName>(name: N, options?: OptionsOf<N>): Network;
export function describe(name: string, build: NetworkBuilder): Network;
export function describe(name: string, given: OptionInput | NetworkBuilder = {}): Network {
  if (typeof given !== "function") {
    const model = findModel(name);
    return networkOf(model, model.describe(given), given);
  }
  const b = new GraphBuilder(name);
  given(b);
  const graph = b.finish();
  return networkOf(customModel(name, graph), graph, {});
}

function networkOf(model: Model, graph: Graph, options: OptionInput): Network {
  return {
    name: graph.name,
    model,
    options,
    graph,
    summary: () => summarize(graph),
    diagram: (format = "svg") => renderDiagram(diagram(graph), format),
    initialize: (seed, initializer) => initialParameters(graph, seed, initializer),
  };
}
