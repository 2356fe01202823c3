/** Which ops can work on levels, and how ONNX Runtime wants the nodes around them so that it runs them on integers. */

import { type Graph, type Node, typeOf } from "../../ir/graph.js";
import { isOpName, type OpName } from "../../ops/index.js";
import { poolStages } from "../../ops/kit/pool.js";
import { at, firstOf } from "../../tensor/at.js";
import { sameShape } from "../../tensor/shape.js";

/**
 * - "weighted": reads levels and an int8 kernel. `gives` "levels": its result must be quantized or it is computed with floats
 *   (QLinearConv); "either": the result may also stay float (QGemm).
 * - "ranged": reads levels and gives levels of another range (QLinearAdd, QLinearAveragePool, QLinearConcat, …).
 * - "same": moves or chooses levels; ONNX Runtime drops the pair around it only where both sides have the same scale.
 * - "rectifier": cuts off at 0, which quantizing with level 0 as zero point does by itself.
 */
type QuantizeRule =
  | { readonly kind: "weighted"; readonly gives: "levels" | "either"; readonly fits: Fits }
  | { readonly kind: "ranged"; readonly fits: Fits }
  | { readonly kind: "same"; readonly fits: Fits }
  | { readonly kind: "rectifier" };

type Fits = (graph: Graph, node: Node) => boolean;

/**
 * The ops with a quantized kernel in ONNX Runtime's CPU provider that networks for images are made of. An op needs a line
 * here where that exists and is worth it; every other op is computed with floats between the pairs of its neighbors. Read
 * from onnxruntime/core/optimizer/qdq_transformer/selectors_actions (1.30) and checked on the graphs that it makes of ours.
 */
const QUANTIZE_RULES: Partial<Record<OpName, QuantizeRule>> = {
  add: { kind: "ranged", fits: hasEqualOperands },
  averagePool: { kind: "ranged", fits: isPlainPool },
  concat: { kind: "ranged", fits: isOfMaps },
  conv: { kind: "weighted", gives: "levels", fits: (graph, node) => hasKernel(graph, node) && gainsByIntegers(graph, node) },
  flatten: { kind: "same", fits: always },
  gemm: { kind: "weighted", gives: "either", fits: hasKernel },
  globalAveragePool: { kind: "ranged", fits: isOfImages },
  maxPool: { kind: "same", fits: isPlainPool },
  relu: { kind: "rectifier" },
  reshape: { kind: "same", fits: always },
  slice: { kind: "same", fits: always },
  transpose: { kind: "same", fits: always },
};

/** The rule of an op, also of one that is named by a stranger's graph. */
export function quantizeRule(op: string): QuantizeRule | undefined {
  return isOpName(op) ? QUANTIZE_RULES[op] : undefined;
}

function always(): boolean {
  return true;
}

function isOfImages(graph: Graph, { inputs }: Node): boolean {
  return typeOf(graph, at(inputs, 0)).shape.length === 4;
}

/** Of images or volumes. */
function isOfMaps(graph: Graph, { inputs }: Node): boolean {
  return typeOf(graph, at(inputs, 0)).shape.length >= 4;
}

/** The kernel and the bias are parameters, which have values before the network runs, and x is none. */
function hasKernel(graph: Graph, { inputs }: Node): boolean {
  const isParameter = (value: string): boolean => graph.parameters.some(({ path }) => path === value);
  return !isParameter(at(inputs, 0)) && inputs.slice(1).every(isParameter);
}

/** Channels below which a window over a volume is computed with floats. */
const FEW_CHANNELS = 8;

/**
 * ONNX Runtime has no integer kernel for volumes that takes few channels well: it gathers each window voxel by voxel. For 3×3×3
 * windows over one channel of 48³ voxels that takes 4 to 9 times as long as with floats.
 */
function gainsByIntegers(graph: Graph, { inputs }: Node): boolean {
  const shape = typeOf(graph, at(inputs, 1)).shape.map(Number);
  const [, channels] = firstOf(shape, 2);
  const kernelShape = shape.slice(2);
  return kernelShape.length < 3 || channels >= FEW_CHANNELS || kernelShape.every((size) => size === 1);
}

/** The quantized average pool has no dilations, and a pool in two stages would have floats between them. */
function isPlainPool(graph: Graph, node: Node): boolean {
  const { kernelShape, strides, pads, dilations, ceilMode } = node.attributes;
  const shape = typeOf(graph, at(node.inputs, 0)).shape;
  if (!isNumbers(kernelShape) || !isNumbers(strides) || !isNumbers(pads) || !isNumbers(dilations) || shape.length < 4) return false;
  const window = { kernelShape, strides, pads, dilations, ceilMode: ceilMode === true };
  return dilations.every((dilation) => dilation === 1) && poolStages(shape.slice(2).map(Number), window).length === 1;
}

function hasEqualOperands(graph: Graph, { inputs }: Node): boolean {
  const [a, b] = firstOf(inputs, 2);
  return sameShape(typeOf(graph, a).shape, typeOf(graph, b).shape);
}

/** Whether an attribute is a list of numbers. */
export function isNumbers(value: unknown): value is readonly number[] {
  return Array.isArray(value);
}
