import type { NodeList, Target } from "./lowering.js";

/** Products of which one operand is transposed, in the way that suits a runtime. */
export interface TransposedProducts {
  /** What takes part in `left` or `right` for a matrix [batch, rows, columns] that is to be transposed. */
  prepare(list: NodeList, name: string, matrix: string): string;
  /** aᵀ·b, where a is prepared. */
  left(list: NodeList, target: Target, a: string, b: string): string;
  /** a·bᵀ, where b is prepared. */
  right(list: NodeList, target: Target, a: string, b: string): string;
}

/** ONNX's product needs a transposed copy. */
export const PRODUCTS_OF_COPIES: TransposedProducts = {
  prepare: (list, name, matrix) => list.transpose(name, matrix, [0, 2, 1]),
  left: (list, target, a, b) => list.add("MatMul", target, [a, b]),
  right: (list, target, a, b) => list.add("MatMul", target, [a, b]),
};

/** ONNX Runtime's own transposes while it packs. */
export const FUSED_PRODUCTS: TransposedProducts = {
  prepare: (_list, _name, matrix) => matrix,
  left: (list, target, a, b) => list.addMicrosoft("FusedMatMul", target, [a, b], { transA: { int: 1 } }),
  right: (list, target, a, b) => list.addMicrosoft("FusedMatMul", target, [a, b], { transB: { int: 1 } }),
};
