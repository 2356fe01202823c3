/**
 * Every op once more, as plain loops over its definition in float64, counting each multiplication by a weight. Slow and
 * written without a look at src/ops: what the op tests compare with where no golden covers a case.
 */
import type { AttributesOf, OpName } from "../src/ops/index.js";
import type { WindowAttributes } from "../src/ops/window.js";
import type { Floats } from "./run-graph.js";

export interface NaiveResult {
  readonly shape: readonly number[];
  readonly values: readonly number[];
  /** Multiplications by a weight, all images together. */
  readonly macs: number;
}

type Index = readonly number[];
type NaiveOp<K extends OpName> = (inputs: readonly Floats[], attributes: AttributesOf<K>) => NaiveResult;

/** The table is total: a new op does not compile without its loops. */
export const NAIVE_OPS: { readonly [K in OpName]: NaiveOp<K> } = {
  adaptiveAveragePool: ([x], { outputShape }) => {
    const sizes = (x?.shape ?? []).slice(2);
    return compute([...(x?.shape ?? []).slice(0, 2), ...outputShape], ([n = 0, c = 0, ...cell]) => {
      const axes = cell.map((i, axis) => {
        const [size, cells] = [sizes[axis] ?? 0, outputShape[axis] ?? 0];
        const inside = (p: number): boolean => p >= Math.floor((i * size) / cells) && p < Math.ceil(((i + 1) * size) / cells);
        return range(size).filter(inside);
      });
      return mean(product(axes).map((p) => at(x, [n, c, ...p])));
    });
  },

  add: ([a, b]) => compute(a?.shape ?? [], (i) => at(a, i) + at(b, i)),

  averagePool: ([x], attributes) =>
    pool(
      x,
      attributes,
      attributes.ceilMode,
      (real, places) => real.reduce((sum, value) => sum + value, 0) / (attributes.countIncludePad ? places : real.length),
    ),

  batchNormalization: ([x, scale, shift, average, variance], { epsilon }) =>
    compute(x?.shape ?? [], (i) => {
      const c = [i[1] ?? 0];
      return (at(scale, c) * (at(x, i) - at(average, c))) / Math.sqrt(at(variance, c) + epsilon) + at(shift, c);
    }),

  concat: (inputs, { axis }) => {
    const shape = (inputs[0]?.shape ?? []).map((size, a) =>
      a === axis ? inputs.reduce((sum, input) => sum + (input.shape[axis] ?? 0), 0) : size,
    );
    return compute(shape, (i) => {
      let left = i[axis] ?? 0;
      for (const input of inputs) {
        const size = input.shape[axis] ?? 0;
        if (left < size)
          return at(
            input,
            i.map((value, a) => (a === axis ? left : value)),
          );
        left -= size;
      }
      return Number.NaN;
    });
  },

  conv: ([x, w, bias], attributes) => {
    const [images = 0, channels = 0, ...sizes] = x?.shape ?? [];
    const [outChannels = 0, groupChannels = 0, ...kernel] = w?.shape ?? [];
    const outSizes = sizes.map((size, axis) => windowStarts(size, attributes, axis, false).length);
    let macs = 0;
    const result = compute([images, outChannels, ...outSizes], ([n = 0, m = 0, ...p]) => {
      const group = Math.floor(m / (outChannels / attributes.groups));
      let sum = bias ? at(bias, [m]) : 0;
      for (const c of range(groupChannels)) {
        for (const k of product(kernel.map(range))) {
          macs++;
          const source = p.map((o, axis) => {
            const start = o * (attributes.strides[axis] ?? 1) - (attributes.pads[axis] ?? 0);
            return start + (k[axis] ?? 0) * (attributes.dilations[axis] ?? 1);
          });
          const channel = group * (channels / attributes.groups) + c;
          if (isInside(source, sizes)) sum += at(x, [n, channel, ...source]) * at(w, [m, c, ...k]);
        }
      }
      return sum;
    });
    return { ...result, macs };
  },

  dropout: ([x]) => compute(x?.shape ?? [], (i) => at(x, i)),

  flatten: ([x]) => {
    const [images = 0, ...rest] = x?.shape ?? [];
    const places = product(rest.map(range));
    return compute([images, places.length], ([n = 0, j = 0]) => at(x, [n, ...(places[j] ?? [])]));
  },

  gemm: ([x, w, bias]) => {
    let macs = 0;
    const result = compute([x?.shape[0] ?? 0, w?.shape[0] ?? 0], ([n = 0, m = 0]) => {
      let sum = bias ? at(bias, [m]) : 0;
      for (const c of range(x?.shape[1] ?? 0)) {
        macs++;
        sum += at(x, [n, c]) * at(w, [m, c]);
      }
      return sum;
    });
    return { ...result, macs };
  },

  globalAveragePool: ([x]) => {
    const [images = 0, channels = 0, ...sizes] = x?.shape ?? [];
    return compute([images, channels, ...sizes.map(() => 1)], ([n = 0, c = 0]) =>
      mean(product(sizes.map(range)).map((p) => at(x, [n, c, ...p]))),
    );
  },

  lpNormalization: ([x], { axis, epsilon }) =>
    compute(x?.shape ?? [], (i) => {
      const line = range(x?.shape[axis] ?? 0).map((j) =>
        at(
          x,
          i.map((value, a) => (a === axis ? j : value)),
        ),
      );
      return at(x, i) / Math.max(Math.hypot(...line), epsilon);
    }),

  lrn: ([x], { size, alpha, beta, bias }) =>
    compute(x?.shape ?? [], (i) => {
      const [n = 0, channel = 0, ...p] = i;
      const neighbours = range(x?.shape[1] ?? 0).filter(
        (c) => c >= channel - Math.floor((size - 1) / 2) && c <= channel + Math.ceil((size - 1) / 2),
      );
      const squares = neighbours.reduce((sum, c) => sum + at(x, [n, c, ...p]) ** 2, 0);
      return at(x, i) / (bias + (alpha / size) * squares) ** beta;
    }),

  maxPool: ([x], attributes) => pool(x, attributes, attributes.ceilMode, (real) => Math.max(...real)),

  relu: ([x]) => compute(x?.shape ?? [], (i) => Math.max(at(x, i), 0)),

  scale: ([x], { factor }) => compute(x?.shape ?? [], (i) => factor * at(x, i)),
};

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

/** `combine` gets the real elements under each window and the number of its places inside the padded input. */
function pool(
  x: Floats | undefined,
  attributes: WindowAttributes,
  ceilMode: boolean,
  combine: (real: readonly number[], places: number) => number,
): NaiveResult {
  const [images = 0, channels = 0, ...sizes] = x?.shape ?? [];
  const starts = sizes.map((size, axis) => windowStarts(size, attributes, axis, ceilMode));
  return compute([images, channels, ...starts.map((list) => list.length)], ([n = 0, c = 0, ...window]) => {
    const places = product(
      window.map((o, axis) => {
        const [begin, end] = [attributes.pads[axis] ?? 0, attributes.pads[axis + sizes.length] ?? 0];
        return range(attributes.kernelShape[axis] ?? 0)
          .map((k) => (starts[axis]?.[o] ?? 0) + k * (attributes.dilations[axis] ?? 1))
          .filter((p) => p >= -begin && p < (sizes[axis] ?? 0) + end);
      }),
    );
    const real = places.filter((p) => isInside(p, sizes)).map((p) => at(x, [n, c, ...p]));
    return combine(real, places.length);
  });
}

function compute(shape: readonly number[], value: (index: Index) => number): NaiveResult {
  return { shape, values: product(shape.map(range)).map(value), macs: 0 };
}

/** All tuples with one element of each list, the last varying fastest. */
function product(lists: readonly (readonly number[])[]): readonly Index[] {
  return lists.reduce<readonly Index[]>((tuples, list) => tuples.flatMap((tuple) => list.map((item) => [...tuple, item])), [[]]);
}

function at(tensor: Floats | undefined, index: Index): number {
  if (tensor === undefined || !isInside(index, tensor.shape)) throw new RangeError(`Cannot read [${index.join(", ")}]`);
  return Number(tensor.data[index.reduce((flat, i, axis) => flat * (tensor.shape[axis] ?? 0) + i, 0)]);
}

function isInside(index: Index, sizes: readonly number[]): boolean {
  return index.length === sizes.length && index.every((i, axis) => i >= 0 && i < (sizes[axis] ?? 0));
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function range(length: number): readonly number[] {
  return Array.from({ length }, (_, i) => i);
}
