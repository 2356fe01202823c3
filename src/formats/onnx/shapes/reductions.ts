/** Sums, means and the like over axes, and what normalizes along one. */
import { elementCount } from "../../../tensor/tensor.js";
import { bytesOf, computed, type Inferred, type NodeView } from "./value.js";

/** Axes are an attribute, later an input; none means all, or with `noop_with_empty_axes` nothing at all. */
export function reduce(node: NodeView): Inferred {
  const x = node.input(0);
  const given = node.ints("axes") ?? node.optionalNumbers(1) ?? [];
  const none = given.length === 0;
  if (none && node.int("noop_with_empty_axes", 0) === 1) return { outputs: [computed(x.dtype, x.shape)] };
  const axes = none ? x.shape.map((_, axis) => axis) : node.axes(given, x.shape.length);
  const kept = node.int("keepdims", 1) === 1;
  const shape = x.shape.flatMap((size, axis) => (!axes.includes(axis) ? [size] : kept ? [1] : []));
  // Axes that do not lie side by side are brought together first.
  return { outputs: [computed(x.dtype, shape)], macs: elementCount(x.shape), scratch: bytesOf(x) };
}

/** Softmax and its logarithm: before operator set 13 the axis is 1 unless stated, from there on the last. */
export function softmax(node: NodeView): Inferred {
  return normalized(node, node.opset < 13 ? 1 : -1);
}

export function lpNormalization(node: NodeView): Inferred {
  return normalized(node, -1);
}

function normalized(node: NodeView, otherwise: number): Inferred {
  const x = node.input(0);
  const axis = node.int("axis", otherwise);
  node.axis(axis, Math.max(1, x.shape.length));
  // Along another axis than the last it runs on a transposed copy.
  return { outputs: [computed(x.dtype, x.shape)], scratch: 2 * bytesOf(x) };
}
