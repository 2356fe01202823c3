/** Operators that look for elements or take them by index. */
import { elementCount } from "../../../tensor/tensor.js";
import { computed, constant, type Inferred, type NodeView, SLOW, shown, type Value } from "./value.js";

export function gather(node: NodeView): Inferred {
  const [x, indices] = [node.input(0), indicesOf(node)];
  const axis = node.axis(node.int("axis", 0), x.shape.length);
  const shape = [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)];
  const size = x.shape[axis] ?? 0;
  const outside = indices.numbers?.find((index) => index < -size || index >= size);
  if (outside !== undefined) node.fail(`takes place ${outside} of axis ${axis} of ${shown(x)}`);
  const from = x.shape.length === 1 ? x.numbers : null;
  const numbers = from === null ? null : (indices.numbers?.map((index) => from.at(index) ?? 0) ?? null);
  return { outputs: [constant(x.dtype, shape, numbers)] };
}

export function gatherElements(node: NodeView): Inferred {
  const [x, indices] = [node.input(0), indicesOf(node)];
  const axis = node.axis(node.int("axis", 0), x.shape.length);
  const fits = x.shape.length === indices.shape.length && indices.shape.every((size, at) => at === axis || size <= (x.shape[at] ?? 0));
  if (!fits) node.fail(`cannot take ${shown(indices)} of ${shown(x)} along axis ${axis}`);
  return { outputs: [computed(x.dtype, indices.shape)] };
}

/** The largest of an axis: values and places. `k` is an attribute before operator set 10, then an input. */
export function topK(node: NodeView): Inferred {
  const x = node.input(0);
  const axis = node.axis(node.int("axis", -1), x.shape.length);
  const [k = -1, ...more] = node.attribute("k") === null ? node.numbers(1) : [node.int("k", 0)];
  if (more.length > 0 || k < 1 || k > (x.shape[axis] ?? 0)) node.fail(`takes the ${k} largest of axis ${axis} of ${shown(x)}`);
  const shape = x.shape.map((size, at) => (at === axis ? k : size));
  return {
    outputs: [computed(x.dtype, shape), computed("int64", shape)],
    macs: elementCount(x.shape) * Math.ceil(Math.log2(k + 1)) * SLOW,
  };
}

export function argMax(node: NodeView): Inferred {
  const x = node.input(0);
  const axis = node.axis(node.int("axis", 0), x.shape.length);
  const kept = node.int("keepdims", 1) === 1;
  const shape = x.shape.flatMap((size, at) => (at !== axis ? [size] : kept ? [1] : []));
  return { outputs: [computed("int64", shape)], macs: elementCount(x.shape) };
}

function indicesOf(node: NodeView): Value {
  const indices = node.input(1);
  return indices.dtype === "int32" || indices.dtype === "int64"
    ? indices
    : node.fail(`has indices ${shown(indices)}, expected int32 or int64`);
}
