import type { Graph, Node } from "../ir/graph.js";
import { validateGraph } from "../ir/validate.js";
import type { TensorType } from "../tensor/shape.js";
import { adaptiveAveragePool } from "./adaptive-average-pool.js";
import { add } from "./add.js";
import { averagePool } from "./average-pool.js";
import { batchNormalization } from "./batch-normalization.js";
import { concat } from "./concat.js";
import { conv } from "./conv.js";
import { dropout } from "./dropout.js";
import { flatten } from "./flatten.js";
import { gemm } from "./gemm.js";
import { globalAveragePool } from "./global-average-pool.js";
import { lpNormalization } from "./lp-normalization.js";
import { lrn } from "./lrn.js";
import { maxPool } from "./max-pool.js";
import { type OpDef, shapeError } from "./op.js";
import { relu } from "./relu.js";
import { scale } from "./scale.js";

/** Every op, sorted. To add one: a file beside this one, its line here, its cases in a `.cases.ts` file. */
export const OPS = {
  adaptiveAveragePool,
  add,
  averagePool,
  batchNormalization,
  concat,
  conv,
  dropout,
  flatten,
  gemm,
  globalAveragePool,
  lpNormalization,
  lrn,
  maxPool,
  relu,
  scale,
} as const;

export type OpName = keyof typeof OPS;
export type AttributesOf<K extends OpName> = (typeof OPS)[K] extends OpDef<infer P> ? P : never;

export function isOpName(name: string): name is OpName {
  return Object.hasOwn(OPS, name);
}

/**
 * The rules of an op by name, for the generic walks. A node's attributes were checked against its op's type when the
 * builder made it, which is why they can be passed on here: the one place where that knowledge is stated.
 */
export function opDef(name: string): OpDef<Node["attributes"]> {
  if (!isOpName(name)) throw shapeError({ op: name, path: "" }, `there is no such op, expected one of ${Object.keys(OPS).join(", ")}`);
  return OPS[name] as unknown as OpDef<Node["attributes"]>;
}

/** Output types of a node: its op's shape rule. */
export function inferNode(node: Node, inputs: readonly TensorType[]): readonly TensorType[] {
  return opDef(node.op).infer(inputs, node.attributes, node);
}

/** Check a graph against the laws of its ops. Throws GRAPH_INVALID or SHAPE_INVALID; returns the graph for chaining. */
export function checkGraph(graph: Graph): Graph {
  validateGraph(graph, inferNode);
  return graph;
}
