/** Between floats and small integers. */
import { elementCount } from "../../../tensor/tensor.js";
import { dtypeOfCode } from "../data-type.js";
import type { OnnxDType } from "../types.js";
import { computed, type Inferred, type NodeView, shown, type Value } from "./value.js";

/** The type is the zero point's, or the stated one, or uint8. */
export function quantize(node: NodeView): Inferred {
  const x = node.input(0);
  const zero = scaleOf(node, x);
  return { outputs: [computed(zero?.dtype ?? statedType(node) ?? "uint8", x.shape)] };
}

/** The type is the scale's, or the stated one. */
export function dequantize(node: NodeView): Inferred {
  const x = node.input(0);
  const zero = scaleOf(node, x);
  if (zero !== null && zero.dtype !== x.dtype) node.fail(`has zero point ${shown(zero)} for ${shown(x)}, expected one type`);
  return { outputs: [computed(statedType(node) ?? node.input(1).dtype, x.shape)] };
}

/** Checks that there is one scale for all, for each place of an axis, or for each block along it; gives the zero point. */
function scaleOf(node: NodeView, x: Value): Value | null {
  const [scale, zero] = [node.input(1), node.optional(2)];
  const misfit = (): never => node.fail(`has scale ${shown(scale)} for ${shown(x)}, which do not fit`);
  if (zero !== null && zero.shape.join() !== scale.shape.join()) node.fail(`has scale ${shown(scale)} and zero point ${shown(zero)}`);
  const block = node.int("block_size", 0);
  if (block === 0 && elementCount(scale.shape) === 1 && scale.shape.length <= 1) return zero;
  const axis = node.axis(node.int("axis", 1), x.shape.length);
  const size = x.shape[axis] ?? 0;
  if (block === 0) {
    if (scale.shape.length !== 1 || scale.shape[0] !== size) misfit();
    return zero;
  }
  const blocks = x.shape.map((other, at) => (at === axis ? Math.ceil(size / block) : other));
  if (blocks.join() !== scale.shape.join()) misfit();
  return zero;
}

function statedType(node: NodeView): OnnxDType | null {
  return dtypeOfCode(node.int("output_dtype", 0));
}
