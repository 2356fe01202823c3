/**
 * Transposed convolutions that double a map, as what integers have kernels for. With kernel = stride and no padding each element
 * of the result is under exactly one tap: y[m, o·K + k] = bias[m] + Σ_c x[c, o] · w[c, m, k] is a convolution with kernel 1
 * to K·M channels, whose results are then put side by side.
 *
 * The taps come before the channels and the map is moved with its channels last: then M neighboring bytes move together,
 * and the order is that in which ONNX Runtime keeps maps of integers, so that its own transpositions cancel these.
 */

import { type Graph, type Node, typeOf } from "../../ir/graph.js";
import { rewriteGraph } from "../../ir/rewrite.js";
import { type Consumers, consumersOf } from "../../ir/uses.js";
import { GraphBuilder, type Ref } from "../../ops/build.js";
import { checkGraph } from "../../ops/index.js";
import { isTiling } from "../../ops/kit/transposed-convolution.js";
import { at, firstOf } from "../../tensor/at.js";
import { elementCount, float32Tensor, type Tensor } from "../../tensor/tensor.js";
import { floatsOf, type Network } from "./network.js";
import { isNumbers } from "./rules.js";

/**
 * The same network with these layers taken apart. The kernel has the same path, the shape [K·M, C, 1…] and the bias K times
 * its values.
 *
 * @throws InceptionError WEIGHTS_MISMATCH where a value is missing
 */
export function splitTransposed(network: Network): Network {
  const { graph } = network;
  const consumers = consumersOf(graph);
  const layers = graph.nodes.filter((node) => isTilingLayer(graph, consumers, node));
  if (layers.length === 0) return network;
  const values = new Map(layers.flatMap((node) => [...layerValues(network, node)]));
  const pieces = new Map(layers.map((node) => [node.path, taken(graph, node, values)] as const));
  const parameters = graph.parameters.map((parameter) => {
    const shape = values.get(parameter.path)?.shape;
    if (shape === undefined) return parameter;
    return { ...parameter, type: { ...parameter.type, shape }, role: shape.length > 1 ? ("conv_kernel" as const) : parameter.role };
  });
  const types = [...pieces.values()].flatMap((piece) => [...piece.types]);
  const nodes = new Map([...pieces].map(([path, piece]) => [path, piece.nodes] as const));
  return {
    graph: checkGraph(rewriteGraph(graph, { pieces: nodes, parameters, types })),
    parameters: new Map([...network.parameters, ...values]),
  };
}

function isTilingLayer(graph: Graph, consumers: Consumers, { op, inputs, outputs, attributes }: Node): boolean {
  const { kernelShape, strides, pads, dilations, groups } = attributes;
  if (op !== "convTranspose" || !isNumbers(kernelShape) || !isNumbers(strides) || !isNumbers(pads) || !isNumbers(dilations)) return false;
  const weights = inputs.slice(1);
  const isOwn = weights.every((value) => graph.parameters.some(({ path }) => path === value) && consumers.get(value)?.length === 1);
  // Of the convolution that this is the adjoint of.
  const [inputShape, outputShape] = [spatialOf(graph, at(outputs, 0)), spatialOf(graph, at(inputs, 0))];
  return isOwn && isTiling({ kernelShape, strides, pads, dilations, groups: Number(groups), inputShape, outputShape });
}

function spatialOf(graph: Graph, value: string): readonly number[] {
  return typeOf(graph, value).shape.slice(2).map(Number);
}

function layerValues(network: Network, { inputs }: Node): ReadonlyMap<string, Tensor> {
  const [, kernel] = firstOf(inputs, 2);
  const bias = inputs[2];
  const { shape, data } = floatsOf(network, kernel);
  const [channels, outChannels] = firstOf(shape, 2);
  const kernelShape = shape.slice(2);
  const taps = elementCount(kernelShape);
  const turned = new Float32Array(data.length);
  for (let c = 0, from = 0; c < channels; c++) {
    for (let m = 0; m < outChannels; m++) {
      for (let k = 0; k < taps; k++) turned[(k * outChannels + m) * channels + c] = at(data, from++);
    }
  }
  const values = new Map<string, Tensor>([[kernel, float32Tensor([taps * outChannels, channels, ...kernelShape.map(() => 1)], turned)]]);
  if (bias === undefined) return values;
  const shifts = floatsOf(network, bias).data;
  const repeated = Float32Array.from({ length: taps * outChannels }, (_, index) => at(shifts, index % outChannels));
  return values.set(bias, float32Tensor([repeated.length], repeated));
}

/** The nodes in place of a layer, the last of which has its path. */
function taken(graph: Graph, node: Node, values: ReadonlyMap<string, Tensor>): Pick<Graph, "nodes" | "types"> {
  const b = new GraphBuilder(graph.name);
  const [x, w, bias] = node.inputs.map((value): Ref => {
    const { shape, dtype } = typeOf(graph, value);
    return b.input(value, values.get(value)?.shape ?? shape, dtype);
  });
  const strides = node.attributes.strides;
  if (x === undefined || w === undefined || !Array.isArray(strides)) {
    throw new RangeError(`Cannot split "${node.path}": it has no input, kernel or strides`);
  }
  const kernel: readonly number[] = strides.map(Number);
  const sizes = x.type.shape.slice(2).map(Number);
  const ones = sizes.map(() => 1);
  const path = (name: string): string => `${node.path}.${name}`;
  const window = { kernelShape: ones, strides: ones, dilations: ones, pads: [...ones, ...ones].map(() => 0), groups: 1 };
  const taps = b.add("conv", path("taps"), bias === undefined ? [x, w] : [x, w, bias], window);
  const rank = sizes.length;
  const channels = Number(taps.type.shape[1]) / elementCount(kernel);
  const last = b.add("transpose", path("channels_last"), [taps], { perm: [0, ...ones.map((_, axis) => axis + 2), 1] });
  const apart = b.add("reshape", path("apart"), [last], { shape: [0, ...sizes, ...kernel, channels] });
  const side = ones.flatMap((_, axis) => [axis + 1, axis + 1 + rank]);
  const joined = b.add("transpose", path("side_by_side"), [apart], { perm: [0, ...side, 2 * rank + 1] });
  const map = b.add("reshape", path("map"), [joined], { shape: [0, ...sizes.map((size, axis) => size * at(kernel, axis)), channels] });
  b.add("transpose", node.path, [map], { perm: [0, rank + 1, ...ones.map((_, axis) => axis + 1)] });
  const { nodes, types } = b.draft();
  return { nodes: nodes.map((each) => ({ ...each, stage: node.stage })), types };
}
