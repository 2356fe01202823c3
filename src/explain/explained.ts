import { dropInferenceIdentities } from "../compile/simplify.js";
import { InceptionError } from "../errors.js";
import type { Graph } from "../ir/graph.js";
import { selectOutputs } from "../ir/prune.js";
import { resize } from "../layers/resize.js";
import { GraphBuilder, type Ref } from "../ops/build.js";
import { checkGraph } from "../ops/index.js";
import { at } from "../tensor/at.js";

/** A classifier of images that is being explained: its parts in a graph under construction. */
export interface Explained {
  readonly b: GraphBuilder;
  /** The image, [1, C, H, W]. */
  readonly input: Ref;
  /** What the maps are about: 1 for the class, 0 elsewhere, [1, classes]. */
  readonly chosen: Ref;
  /** Channels, height and width of the input. */
  readonly size: readonly [channels: number, height: number, width: number];
  /** Puts the network behind `images` [S, C, H, W] into the graph; the parameters are shared. Can be called once. */
  readonly run: (images: Ref) => Replayed;
}

/** The network behind some images. */
interface Replayed {
  /** [S, classes]. */
  readonly logits: Ref;
  /** The value of the network that has this name. */
  readonly value: (name: string) => Ref;
}

/**
 * Begins a graph that explains a network: inputs "input" [1, C, H, W] and "target" [1], int32, the index of a class.
 *
 * @throws InceptionError OPTION_INVALID for a network that does not classify images
 */
export function beginExplanation(network: Graph, name: string): { readonly explained: Explained; readonly plain: Graph } {
  const plain = classifierOf(network);
  const [{ name: inputName, type } = { name: "input", type: { shape: [] } }] = plain.inputs;
  const size = type.shape.slice(1).map(Number);
  const logitsValue = at(plain.outputs, 0).value;
  const depth = Number(plain.types.get(logitsValue)?.shape[1]);
  const b = new GraphBuilder(`${network.name}.${name}`);
  const input = b.input("input", [1, ...size]);
  const chosen = b.add("oneHot", "explain.chosen", [b.input("target", [1], "int32")], { depth, axis: 1 });
  const [channels = 0, height = 0, width = 0] = size;
  const run = (images: Ref): Replayed => replay(b, plain, inputName, images, logitsValue);
  return { explained: { b, input, chosen, size: [channels, height, width], run }, plain };
}

/** The network up to its logits, without what does nothing at inference. */
function classifierOf(network: Graph): Graph {
  const logits = network.outputs.find(({ name }) => name === "logits");
  const rank = logits && network.types.get(logits.value)?.shape.length;
  if (rank === 2 && network.inputs[0]?.type.shape.length === 4) return dropInferenceIdentities(selectOutputs(network, ["logits"]));
  const fact = logits === undefined ? "it has no logits" : "it does not classify images as a whole";
  throw new InceptionError("OPTION_INVALID", `Cannot explain "${network.name}": ${fact}, expected an image classifier`, {
    network: network.name,
  });
}

function replay(b: GraphBuilder, network: Graph, inputName: string, images: Ref, logits: string): Replayed {
  const values = new Map<string, Ref>([[inputName, images]]);
  for (const { path, type, role } of network.parameters) values.set(path, b.parameter(path, type.shape.map(Number), role));
  const value = (name: string): Ref => {
    const found = values.get(name);
    if (found) return found;
    throw new RangeError(`Cannot find value "${name}" of "${network.name}"`);
  };
  for (const node of network.nodes) {
    const outputs = b.addNode(node.op, node.path, node.inputs.map(value), node.attributes);
    for (const [index, output] of node.outputs.entries()) if (outputs[index]) values.set(output, outputs[index]);
  }
  return { logits: value(logits), value };
}

/** The logit of the class for each of the images: [S, classes] → [S, 1]. */
export function scoresOf({ b, chosen }: Explained, path: string, logits: Ref): Ref {
  return b.add("reduceSum", path, [b.add("mul", `${path}.chosen`, [logits, chosen], {})], { axes: [1], keepDims: true });
}

/** All scores together, for differentiating: no image's score depends on another image. */
export function totalOf({ b }: Explained, path: string, scores: Ref): Ref {
  return b.add("reduceSum", path, [scores], { axes: [0, 1], keepDims: false });
}

/** |x| as the sum of its two halves. */
export function absolute({ b }: Explained, path: string, x: Ref): Ref {
  const negative = b.add("relu", `${path}.negative`, [b.add("scale", `${path}.minus`, [x], { factor: -1 })], {});
  return b.add("add", path, [b.add("relu", `${path}.positive`, [x], {}), negative], {});
}

/** Ends the graph: "map" [1, 1, H, W] of the input's size, at least 0, then further outputs. */
export function finishExplanation({ b, size: [, height, width] }: Explained, map: Ref, others: Readonly<Record<string, Ref>>): Graph {
  b.output("map", resize(b, "explain.map", map, { sizes: [height, width], mode: "linear" }));
  for (const [name, value] of Object.entries(others)) b.output(name, value);
  // What only the differentiation started from, such as the score itself, is read by nothing.
  return checkGraph(selectOutputs(b.draft(), ["map", ...Object.keys(others)]));
}
