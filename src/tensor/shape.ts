import type { DType } from "./dtype.js";

/** A size along one axis: a number, or the name of a size that is known only when the network runs (the batch, "N"). */
export type Dim = number | string;
/** Sizes of the axes, outermost first; a text names a size that is free until run time. */
export type Shape = readonly Dim[];

/** What is known of a tensor without its values. */
export interface TensorType {
  readonly dtype: DType;
  readonly shape: Shape;
}

/** float32[N, 3, 224, 224] */
export function formatType(type: TensorType): string {
  return `${type.dtype}${formatShape(type.shape)}`;
}

/** [N, 3, 224, 224] */
export function formatShape(shape: Shape): string {
  return `[${shape.join(", ")}]`;
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((dim, axis) => dim === b[axis]);
}

export function sameType(a: TensorType, b: TensorType): boolean {
  return a.dtype === b.dtype && sameShape(a.shape, b.shape);
}

/** Number of elements with every named size taken as 1: the count for one image. */
export function elementsPerImage(shape: Shape): number {
  return shape.reduce<number>((product, dim) => product * (typeof dim === "number" ? dim : 1), 1);
}
