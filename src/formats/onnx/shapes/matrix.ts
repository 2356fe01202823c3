/** Matrix products. */

import { elementCount } from "../../../tensor/tensor.js";
import { broadcast, computed, type Inferred, type NodeView, shown } from "./value.js";
import { slowness } from "./windows.js";

/** NumPy's matmul: vectors become a row or a column for the product, what is before the last two axes is broadcast. */
export function matMul(node: NodeView): Inferred {
  const [a, b] = [node.input(0), node.input(1)];
  if (a.shape.length === 0 || b.shape.length === 0 || a.dtype !== b.dtype) node.fail(`cannot multiply ${shown(a)} by ${shown(b)}`);
  const [left, right] = [a.shape.length === 1 ? [1, ...a.shape] : a.shape, b.shape.length === 1 ? [...b.shape, 1] : b.shape];
  const [rows = 0, inner = 0] = left.slice(-2);
  const [depth = 0, columns = 0] = right.slice(-2);
  const batch = broadcast([left.slice(0, -2), right.slice(0, -2)]);
  if (batch === null || inner !== depth) node.fail(`cannot multiply ${shown(a)} by ${shown(b)}`);
  const shape = [...batch, ...(a.shape.length === 1 ? [] : [rows]), ...(b.shape.length === 1 ? [] : [columns])];
  return { outputs: [computed(a.dtype, shape)], macs: elementCount(batch) * rows * inner * columns * slowness(a) };
}

/** alpha·A·B + beta·C, A and B transposed if so stated, C broadcast to the product. */
export function gemm(node: NodeView): Inferred {
  const [a, b, c] = [node.input(0), node.input(1), node.optional(2)];
  if (a.shape.length !== 2 || b.shape.length !== 2 || a.dtype !== b.dtype) node.fail(`cannot multiply ${shown(a)} by ${shown(b)}`);
  const [rows = 0, inner = 0] = node.int("transA", 0) === 1 ? a.shape.toReversed() : a.shape;
  const [depth = 0, columns = 0] = node.int("transB", 0) === 1 ? b.shape.toReversed() : b.shape;
  if (inner !== depth) node.fail(`cannot multiply ${shown(a)} by ${shown(b)}`);
  const shape = [rows, columns];
  if (c !== null && (c.shape.length > 2 || broadcast([c.shape, shape])?.join() !== shape.join()))
    node.fail(`cannot broadcast C ${shown(c)} to [${shape.join(", ")}]`);
  return { outputs: [computed(a.dtype, shape)], macs: rows * inner * columns * slowness(a) };
}
