import { checkFinite } from "../../tensor/finite.js";
import { quoted } from "../quoted.js";
import { qualifiedOp } from "./check-ops.js";
import { hostTensor } from "./tensor.js";
import type { OnnxModel } from "./types.js";

/**
 * Operators whose constant inputs are weights: NaN or infinity in one makes its output useless. Others may use infinity as a
 * bound or as a mask (Clip, Where, Add).
 */
const WEIGHTED_OPS: ReadonlySet<string> = new Set([
  "BatchNormalization",
  "Conv",
  "ConvTranspose",
  "DequantizeLinear",
  "Gemm",
  "InstanceNormalization",
  "MatMul",
  "Mul",
  "PRelu",
  "QuantizeLinear",
]);

/**
 * Refuses a model with a weight that is NaN or infinite. Values of 16 bits are not looked at.
 *
 * @param name - how messages name the file
 * @throws InceptionError NOT_FINITE naming the first such initializer
 */
export function checkWeights({ graph }: OnnxModel, name: string): void {
  const read = new Set(graph.nodes.flatMap((node) => (WEIGHTED_OPS.has(qualifiedOp(node)) ? node.inputs : [])));
  for (const tensor of graph.initializers) {
    if (tensor.external !== undefined || (tensor.dtype !== "float32" && tensor.dtype !== "float64") || !read.has(tensor.name)) continue;
    checkFinite(hostTensor(tensor).data, `load ${quoted(name)}`, `initializer ${quoted(tensor.name)}`);
  }
}
