import { type Graph, type Node, type Parameter, typeOf } from "../../ir/graph.js";
import { rewriteGraph } from "../../ir/rewrite.js";
import { type Consumers, consumersOf, onlyConsumer } from "../../ir/uses.js";
import { checkGraph } from "../../ops/index.js";
import { at } from "../../tensor/at.js";
import { elementCount, float32Tensor, type Tensor } from "../../tensor/tensor.js";
import { dropInferenceIdentities } from "../simplify.js";
import { floatsOf, type Network } from "./network.js";
import { quantizeRule } from "./rules.js";
import { splitTransposed } from "./transposed.js";

/**
 * The same network with fewer nodes: batch normalizations and constant factors right behind a convolution or a linear
 * layer become part of its kernel and bias, transposed convolutions that double a map become convolutions with kernel 1
 * (transposed.ts), and dropout is gone. a·(w·x + b) + c is (a·w)·x + (a·b + c) in each output channel, with
 * a = scale/√(variance + ε) and c = shift − a·mean of a normalization, or the factor and 0. New values are computed in
 * double precision and rounded once.
 *
 * @throws InceptionError WEIGHTS_MISMATCH where a value is missing
 */
export function foldNetwork(given: Network): Network {
  const network = splitTransposed({ ...given, graph: dropInferenceIdentities(given.graph) });
  const layers = foldableLayers(network.graph).map((layer) => ({ ...layer, ...foldedValues(network, layer) }));
  const graph = withoutFollowers(network.graph, layers);
  const values = new Map(layers.flatMap(({ values }) => values));
  return { graph, parameters: new Map(graph.parameters.map(({ path }) => [path, values.get(path) ?? floatsOf(network, path)])) };
}

/** A layer with a kernel and the nodes behind it that become part of it, in order. */
interface Layer {
  readonly node: Node;
  readonly followers: readonly Node[];
  /** The path of the bias, which it may not have yet. */
  readonly bias: string;
}

function foldableLayers(graph: Graph): readonly Layer[] {
  const consumers = consumersOf(graph);
  const parameters = new Set(graph.parameters.map(({ path }) => path));
  return graph.nodes.flatMap((node) => {
    const [, ...weights] = node.inputs;
    // A kernel that is computed, or that two nodes share, stays as it is.
    const isOwn = weights.every((value) => parameters.has(value) && consumers.get(value)?.length === 1);
    const followers = quantizeRule(node.op)?.kind === "weighted" && isOwn ? followersOf(node, consumers) : [];
    return followers.length === 0 ? [] : [{ node, followers, bias: weights[1] ?? `${node.path}.bias` }];
  });
}

function followersOf(node: Node, consumers: Consumers): readonly Node[] {
  const next = onlyConsumer(consumers, node);
  return next?.op === "scale" || next?.op === "batchNormalization" ? [next, ...followersOf(next, consumers)] : [];
}

/** The new kernel and bias of a layer. */
function foldedValues(network: Network, { node, followers, bias }: Layer): { readonly values: readonly (readonly [string, Tensor])[] } {
  const kernel = at(node.inputs, 1);
  const weights = floatsOf(network, kernel);
  const channels = at(weights.shape, 0);
  const factors = new Float64Array(channels).fill(1);
  const shifts = Float64Array.from(node.inputs.length > 2 ? floatsOf(network, bias).data : new Float32Array(channels));
  for (const follower of followers) {
    const { factor, shift } = affineOf(network, follower);
    for (let c = 0; c < channels; c++) {
      factors[c] = at(factors, c) * factor(c);
      shifts[c] = at(shifts, c) * factor(c) + shift(c);
    }
  }
  const perChannel = elementCount(weights.shape.slice(1));
  const data = weights.data.map((value, index) => value * at(factors, Math.floor(index / perChannel)));
  return {
    values: [
      [kernel, float32Tensor(weights.shape, data)],
      [bias, float32Tensor([channels], Float32Array.from(shifts))],
    ],
  };
}

/** What a follower does to each channel of its input. */
function affineOf(network: Network, node: Node): { readonly factor: (c: number) => number; readonly shift: (c: number) => number } {
  if (node.op === "scale") return { factor: () => Number(node.attributes.factor), shift: () => 0 };
  const vector = (index: number): Float32Array => floatsOf(network, at(node.inputs, index)).data;
  const [scale, shift, mean, variance] = [vector(1), vector(2), vector(3), vector(4)];
  const epsilon = Number(node.attributes.epsilon);
  const factor = (c: number): number => at(scale, c) / Math.sqrt(at(variance, c) + epsilon);
  return { factor, shift: (c) => at(shift, c) - factor(c) * at(mean, c) };
}

function withoutFollowers(graph: Graph, layers: readonly Layer[]): Graph {
  const pieces = new Map<string, readonly Node[]>(
    layers.flatMap(({ node, followers, bias }) => [
      [node.path, [{ ...node, inputs: [...node.inputs.slice(0, 2), bias] }]] as const,
      ...followers.map(({ path }) => [path, []] as const),
    ]),
  );
  const replaced = new Map(
    layers.flatMap(({ node, followers }) => followers.map(({ outputs }) => [at(outputs, 0), at(node.outputs, 0)] as const)),
  );
  const added = layers.flatMap(({ node, bias }): Parameter[] => {
    const channels = at(typeOf(graph, at(node.inputs, 1)).shape, 0);
    return node.inputs.length > 2 ? [] : [{ path: bias, type: { dtype: "float32", shape: [channels] }, role: "bias", stage: node.stage }];
  });
  const types = added.map(({ path, type }) => [path, type] as const);
  return checkGraph(rewriteGraph(graph, { pieces, replaced, parameters: [...graph.parameters, ...added], types }));
}
