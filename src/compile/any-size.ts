/** Whether a network that was described for one size of its input is right for others. */
import { InceptionError, messageOf } from "../errors.js";
import type { Graph } from "../ir/graph.js";
import { inferNode } from "../ops/index.js";
import type { Shape, TensorType } from "../tensor/shape.js";
import { inferenceLayout, lowerGraph } from "./lower.js";
import { dropInferenceIdentities } from "./simplify.js";
import type { TargetOptions } from "./targets/index.js";

/** Names of the spatial axes of an input, by their number. */
export function spatialNames(rank: number): readonly string[] {
  return ["depth", "height", "width"].slice(Math.max(0, 5 - rank));
}

/**
 * Refuses a network that is right at its described size alone: one with padding that follows from the size (TensorFlow's SAME
 * with strides), or with layers of a fixed size (an auxiliary classifier, a decoder).
 *
 * @param graph - with the outputs that are kept
 * @throws InceptionError OPTION_INVALID naming the first such layer
 */
export function checkAnySize(graph: Graph, target: TargetOptions): void {
  const refuse = (fact: string, remedy: string): InceptionError => {
    const names = spatialNames(graph.inputs[0]?.type.shape.length ?? 4);
    const sizes = `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
    const message = `Cannot compile "${graph.name}" for any ${sizes}: ${fact}; ${remedy}, or compile it for one size`;
    return new InceptionError("OPTION_INVALID", message, { graph: graph.name });
  };
  const padded = graph.nodes.find(({ sizeDependent }) => sizeDependent === true);
  if (padded !== undefined) {
    throw refuse(
      `the padding of "${padded.path}" depends on the input size (SAME)`,
      "describe it with padding symmetric if it has that option",
    );
  }
  const resized = atOtherSize(graph);
  if (resized instanceof InceptionError) {
    throw refuse(`a layer has a fixed size (${messageOf(resized)})`, "describe it without auxiliary classifiers");
  }
  if (sizeFreeText(graph, target) !== sizeFreeText(resized, target)) {
    throw refuse("a layer is lowered differently for each size", "choose outputs that do not need it");
  }
}

/** An odd step, so that maps of odd and of even size are both met. */
const STEP = 33;

/** The same nodes for an input of another size; the error of the first layer that does not fit it. */
function atOtherSize(graph: Graph): Graph | InceptionError {
  const enlarge = (shape: Shape): Shape => shape.map((dim, axis) => (axis >= 2 && typeof dim === "number" ? dim + STEP + axis - 2 : dim));
  const inputs = graph.inputs.map(({ name, type }) => ({ name, type: { ...type, shape: enlarge(type.shape) } }));
  const types = new Map<string, TensorType>([
    ...inputs.map(({ name, type }) => [name, type] as const),
    ...graph.parameters.map(({ path, type }) => [path, type] as const),
  ]);
  try {
    for (const node of graph.nodes) {
      const given = node.inputs.flatMap((value) => types.get(value) ?? []);
      for (const [index, type] of inferNode(node, given).entries()) types.set(node.outputs[index] ?? node.path, type);
    }
  } catch (thrown) {
    if (thrown instanceof InceptionError) return thrown;
    throw thrown;
  }
  return { ...graph, inputs, types };
}

/**
 * Whether a network is the same for every input size: its nodes and parameters at two sizes differ in nothing but maps.
 * Networks with a layer that reads a whole map of fixed size (an auxiliary head), or makes one (a decoder), are not.
 *
 * @param describe - builds the network for a height and width, or a depth, height and width
 * @param target - as it is compiled
 */
export function supportsDynamicSize(
  describe: (size: readonly number[]) => Graph,
  sizes: readonly [readonly number[], readonly number[]],
  target: TargetOptions = {},
): boolean {
  const [first, second] = sizes.map((size) => sizeFreeText(describe(size), target));
  return first === second;
}

/** Everything that a file would say about a network except the sizes of its maps. */
function sizeFreeText(graph: Graph, target: TargetOptions): string {
  const { nodes, constants } = lowerGraph(dropInferenceIdentities(graph), { ...target, layout: inferenceLayout(graph) });
  const parameters = graph.parameters.map(({ path, type }) => [path, type.shape]);
  return JSON.stringify([nodes, constants.map(({ name, shape }) => [name, shape]), parameters]);
}
