/** What the loops of test/naive-ops.ts are written with. */
import type { AttributesOf, OpName } from "../src/ops/index.js";
import type { WindowAttributes } from "../src/ops/kit/window.js";

/** An input of the loops: elements of any type as numbers, float64 where finite differences are taken. */
export interface NaiveTensor {
  readonly shape: readonly number[];
  readonly data: ArrayLike<number>;
}

export interface NaiveOutput {
  readonly shape: readonly number[];
  readonly values: readonly number[];
}

export interface NaiveResult extends NaiveOutput {
  /** Multiplications by a weight, all images together. */
  readonly macs: number;
  /** The outputs behind the first. */
  readonly further?: readonly NaiveOutput[];
}

export type Index = readonly number[];
export type NaiveOp<K extends OpName> = (inputs: readonly NaiveTensor[], attributes: AttributesOf<K>) => NaiveResult;

export function compute(shape: readonly number[], value: (index: Index) => number): NaiveResult {
  return { shape, values: product(shape.map(range)).map(value), macs: 0 };
}

/** All tuples with one element of each list, the last varying fastest. */
export function product(lists: readonly (readonly number[])[]): readonly Index[] {
  return lists.reduce<readonly Index[]>((tuples, list) => tuples.flatMap((tuple) => list.map((item) => [...tuple, item])), [[]]);
}

export function at(tensor: NaiveTensor | undefined, index: Index): number {
  if (tensor === undefined || !isInside(index, tensor.shape)) throw new RangeError(`Cannot read [${index.join(", ")}]`);
  return Number(tensor.data[index.reduce((flat, i, axis) => flat * (tensor.shape[axis] ?? 0) + i, 0)]);
}

export function isInside(index: Index, sizes: readonly number[]): boolean {
  return index.length === sizes.length && index.every((i, axis) => i >= 0 && i < (sizes[axis] ?? 0));
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

export function range(length: number): readonly number[] {
  return Array.from({ length }, (_, i) => i);
}

/**
 * Where the windows over one axis start, found by trying every place. Floor: all windows that lie in the padded input.
 * Ceil: one more that sticks out by less than a stride, unless it starts behind the real elements.
 */
export function windowStarts(size: number, attributes: WindowAttributes, axis: number, ceilMode: boolean): readonly number[] {
  const rank = attributes.kernelShape.length;
  const [begin, end] = [attributes.pads[axis] ?? 0, attributes.pads[axis + rank] ?? 0];
  const reach = ((attributes.kernelShape[axis] ?? 1) - 1) * (attributes.dilations[axis] ?? 1);
  const stride = attributes.strides[axis] ?? 1;
  const places = Array.from({ length: begin + size + end }, (_, i) => i - begin).filter((start) => (start + begin) % stride === 0);
  return places.filter((start) => {
    const sticksOut = start + reach - (size + end - 1);
    return sticksOut <= 0 || (ceilMode && sticksOut < stride && start < size);
  });
}

/** The indices of all elements of one channel of [N, C, …], of one image or of all. */
export function places(x: NaiveTensor | undefined, channel: number, image?: number): readonly Index[] {
  const [images = 0, , ...sizes] = x?.shape ?? [];
  return product([image === undefined ? range(images) : [image], [channel], ...sizes.map(range)]);
}

/** Mean and variance, which is divided by the number of values. */
export function momentsOf(values: readonly number[]): { readonly average: number; readonly variance: number } {
  const average = mean(values);
  return { average, variance: mean(values.map((value) => (value - average) ** 2)) };
}

/** A tensor of zeros to which one adds. */
export function zeros(shape: readonly number[]) {
  const values = Array.from({ length: shape.reduce((total, size) => total * size, 1) }, () => 0);
  return {
    add: (index: Index, value: number): void => {
      const flat = index.reduce((sum, i, axis) => sum * (shape[axis] ?? 0) + i, 0);
      values[flat] = (values[flat] ?? 0) + value;
    },
    result: (): NaiveResult => ({ shape, values, macs: 0 }),
  };
}
