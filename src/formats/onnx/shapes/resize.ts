import { elementCount } from "../../../tensor/tensor.js";
import { bytesOfElements } from "../data-type.js";
import { computed, type Inferred, type NodeView, SLOW, shown, type Value } from "./value.js";

/** Values that one is made of, along each axis that changes. */
const TAPS: ReadonlyMap<string, number> = new Map([
  ["nearest", 1],
  ["linear", 2],
  ["cubic", 4],
]);

/** Sizes are stated, or follow from scales, as floor(size · scale) in float32. */
export function resize(node: NodeView): Inferred {
  const x = node.input(0);
  const shape = resizedShape(node, x);
  const changed = shape.filter((size, axis) => size !== x.shape[axis]).length;
  const taps = (TAPS.get(node.string("mode", "nearest")) ?? 1) ** changed;
  const antialias = node.int("antialias", 0) === 1;
  // With antialiasing each axis is done in turn, and every value of the larger side is read.
  const steps = antialias ? intermediateElements(x.shape, shape) : 0;
  return {
    outputs: [computed(x.dtype, shape)],
    macs: (elementCount(shape) * taps + steps * 4) * SLOW,
    scratch: bytesOfElements(x.dtype, steps),
  };
}

function resizedShape(node: NodeView, x: Value): readonly number[] {
  const rank = x.shape.length;
  const [scaleInput, sizeInput] = node.opset < 11 ? [1, -1] : [2, 3];
  const axes = node.axes(node.ints("axes") ?? x.shape.map((_, axis) => axis), rank);
  const list = (index: number) => {
    const found = node.optionalNumbers(index);
    return found === null || found.length === 0 ? null : found;
  };
  const [scales, sizes] = [list(scaleInput), list(sizeInput)];
  if ((scales === null) === (sizes === null)) node.fail("has scales and sizes, or none of them, expected one");
  const given = scales ?? sizes ?? [];
  if (given.length !== axes.length) node.fail(`has ${given.length} scales or sizes for ${shown(x)}, expected ${axes.length}`);
  if (!given.every((number) => number > 0 && Number.isFinite(number))) node.fail(`resizes ${shown(x)} by or to [${given.join(", ")}]`);
  const policy = node.string("keep_aspect_ratio_policy", "stretch");
  const ratios = axes.map((axis, index) => (given[index] ?? 1) / (x.shape[axis] ?? 1));
  const ratio = policy === "not_larger" ? Math.min(...ratios) : Math.max(...ratios);
  const shape = [...x.shape];
  for (const [index, axis] of axes.entries()) {
    const [size = 1, number = 1] = [x.shape[axis], given[index]];
    if (scales !== null) shape[axis] = Math.floor(Math.fround(Math.fround(number) * size));
    else shape[axis] = policy === "stretch" ? number : Math.floor(size * ratio + 0.5);
  }
  if (shape.some((size) => size < 1)) node.fail(`resizes ${shown(x)} to [${shape.join(", ")}]`);
  return shape;
}

/** Elements between the passes over the axes, from the last to the first, and of the input that each pass reads. */
function intermediateElements(from: readonly number[], to: readonly number[]): number {
  return from.reduce((sum, _, axis) => sum + elementCount([...from.slice(0, axis + 1), ...to.slice(axis + 1)]), 0);
}
