import type { Attributes, Graph, Node } from "../ir/graph.js";
import { validateGraph } from "../ir/validate.js";
import { adaptiveAveragePool } from "./adaptive-average-pool.js";
import { add } from "./add.js";
import { averagePool } from "./average-pool.js";
import { batchNormalization } from "./batch-normalization.js";
import { batchNormalizationGradient } from "./batch-normalization-gradient.js";
import { batchNormalizationTraining } from "./batch-normalization-training.js";
import { batchNormalizationTrainingGradient } from "./batch-normalization-training-gradient.js";
import { clip } from "./clip.js";
import { concat } from "./concat.js";
import { constant } from "./constant.js";
import { conv } from "./conv.js";
import { convChwn } from "./conv-chwn.js";
import { convChwnInputGradient } from "./conv-chwn-input-gradient.js";
import { convInputGradient } from "./conv-input-gradient.js";
import { convTranspose } from "./conv-transpose.js";
import { convWeightGradient } from "./conv-weight-gradient.js";
import { dequantizeLinear } from "./dequantize-linear.js";
import { div } from "./div.js";
import { dropout } from "./dropout.js";
import { exp } from "./exp.js";
import { expand } from "./expand.js";
import { flatten } from "./flatten.js";
import { gemm } from "./gemm.js";
import { globalAveragePool } from "./global-average-pool.js";
import { instanceNormalization } from "./instance-normalization.js";
import { instanceNormalizationGradient } from "./instance-normalization-gradient.js";
import { leakyRelu } from "./leaky-relu.js";
import { log } from "./log.js";
import { logSoftmax } from "./log-softmax.js";
import { lpNormalization } from "./lp-normalization.js";
import { lpNormalizationGradient } from "./lp-normalization-gradient.js";
import { lrn } from "./lrn.js";
import { lrnGradient } from "./lrn-gradient.js";
import { matMul } from "./mat-mul.js";
import { matMulAxis } from "./mat-mul-axis.js";
import { maxPool } from "./max-pool.js";
import { maxPoolGradient } from "./max-pool-gradient.js";
import { mul } from "./mul.js";
import { oneHot } from "./one-hot.js";
import { type OpDef, type Operands, type OpName, type Ops, shapeError } from "./op.js";
import { pRelu } from "./p-relu.js";
import { pad } from "./pad.js";
import { pow } from "./pow.js";
import { quantizeLinear } from "./quantize-linear.js";
import { reduceMax } from "./reduce-max.js";
import { reduceMean } from "./reduce-mean.js";
import { reduceSum } from "./reduce-sum.js";
import { relu } from "./relu.js";
import { reluGradient } from "./relu-gradient.js";
import { reshape } from "./reshape.js";
import { scale } from "./scale.js";
import { slice } from "./slice.js";
import { softmax } from "./softmax.js";
import { split } from "./split.js";
import { sqrt } from "./sqrt.js";
import { sub } from "./sub.js";
import { sum } from "./sum.js";
import { transpose } from "./transpose.js";

/** Every op, sorted. To add one: a file beside this one, its line here, its cases in test/op-cases/. */
export const OPS: Ops = {
  adaptiveAveragePool,
  add,
  averagePool,
  batchNormalization,
  batchNormalizationGradient,
  batchNormalizationTraining,
  batchNormalizationTrainingGradient,
  clip,
  concat,
  constant,
  conv,
  convChwn,
  convChwnInputGradient,
  convInputGradient,
  convTranspose,
  convWeightGradient,
  dequantizeLinear,
  div,
  dropout,
  exp,
  expand,
  flatten,
  gemm,
  globalAveragePool,
  instanceNormalization,
  instanceNormalizationGradient,
  leakyRelu,
  log,
  logSoftmax,
  lpNormalization,
  lpNormalizationGradient,
  lrn,
  lrnGradient,
  matMul,
  matMulAxis,
  maxPool,
  maxPoolGradient,
  mul,
  oneHot,
  pRelu,
  pad,
  pow,
  quantizeLinear,
  reduceMax,
  reduceMean,
  reduceSum,
  relu,
  reluGradient,
  reshape,
  scale,
  slice,
  softmax,
  split,
  sqrt,
  sub,
  sum,
  transpose,
};

export type { AttributesOf, InputsOf, OpName, OutputsOf } from "./op.js";

export function isOpName(name: string): name is OpName {
  return Object.hasOwn(OPS, name);
}

/**
 * The rules of an op by name, for the generic walks. A node's attributes were checked against its op's type when the
 * builder made it, and its inputs were counted, which is why they can be passed on here: the one place where that knowledge is
 * stated.
 */
export function opDef(name: string): OpDef<Attributes, Operands, Operands> {
  if (!isOpName(name)) throw shapeError({ op: name, path: "" }, `unknown op, expected one of ${Object.keys(OPS).join(", ")}`);
  return OPS[name] as unknown as OpDef<Attributes, Operands, Operands>;
}

/** Output types of a node: its op's shape rule. */
export function inferNode(node: Pick<Node, "op" | "path" | "attributes">, inputs: Operands): Operands {
  const { operands, infer } = opDef(node.op);
  return infer(operands(inputs, node), node.attributes, node);
}

/** Checks a graph against the laws of its ops. Throws GRAPH_INVALID or SHAPE_INVALID; returns the graph for chaining. */
export function checkGraph(graph: Graph): Graph {
  validateGraph(graph, inferNode);
  return graph;
}
