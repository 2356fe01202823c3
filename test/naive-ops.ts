/**
 * Every op once more, as plain loops over its definition in float64, counting each multiplication by a weight. Slow and
 * written without a look at src/ops: what the op tests compare with where no golden covers a case.
 */
import type { OpName } from "../src/ops/index.js";
import type { WindowAttributes } from "../src/ops/kit/window.js";
import {
  at,
  compute,
  type Index,
  isInside,
  mean,
  momentsOf,
  type NaiveOp,
  type NaiveResult,
  type NaiveTensor,
  places,
  product,
  range,
  windowStarts,
  zeros,
} from "./naive.js";
import { NAIVE_GRADIENT_OPS } from "./naive-gradient-ops.js";
import { NAIVE_TENSOR_OPS } from "./naive-tensor-ops.js";

/** The table is total: a new op does not compile without its loops. */
export const NAIVE_OPS: { readonly [K in OpName]: NaiveOp<K> } = {
  ...NAIVE_GRADIENT_OPS,
  ...NAIVE_TENSOR_OPS,

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

  convChwn: ([x, w, bias], attributes) => {
    const [channels = 0, height = 0, width = 0, batch = 0] = x?.shape ?? [];
    const [outChannels = 0] = w?.shape ?? [];
    const out = [height, width].map((size, axis) => windowStarts(size, attributes, axis, false));
    // What tap k of window p meets.
    const met = (c: number, k: Index, p: Index, n: number): number => {
      const source = p.map((o, axis) => (out[axis]?.[o] ?? 0) + (k[axis] ?? 0) * (attributes.dilations[axis] ?? 1));
      return isInside(source, [height, width]) ? at(x, [c, ...source, n]) : 0;
    };
    const taps = product(attributes.kernelShape.map(range));
    const places = product([...out.map((starts) => range(starts.length)), range(batch)]);
    let macs = 0;
    const y = compute([outChannels, ...out.map(({ length }) => length), batch], ([m = 0, oy = 0, ox = 0, n = 0]) => {
      let sum = bias ? at(bias, [m]) : 0;
      for (const c of range(channels)) {
        for (const k of taps) {
          macs++;
          sum += met(c, k, [oy, ox], n) * at(w, [m, c, ...k]);
        }
      }
      return sum;
    });
    const columns = compute([channels * taps.length, places.length], ([row = 0, place = 0]) => {
      const [oy = 0, ox = 0, n = 0] = places[place] ?? [];
      return met(Math.floor(row / taps.length), taps[row % taps.length] ?? [], [oy, ox], n);
    });
    return { ...y, macs, further: [columns] };
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
      const neighbors = range(x?.shape[1] ?? 0).filter(
        (c) => c >= channel - Math.floor(size / 2) && c <= channel + Math.floor((size - 1) / 2),
      );
      const squares = neighbors.reduce((sum, c) => sum + at(x, [n, c, ...p]) ** 2, 0);
      return at(x, i) / (bias + (alpha / size) * squares) ** beta;
    }),

  batchNormalizationTraining: ([x, scale, shift], { epsilon }) => {
    const channels = range(x?.shape[1] ?? 0);
    const moments = channels.map((c) => momentsOf(places(x, c).map((i) => at(x, i))));
    const y = compute(x?.shape ?? [], (i) => {
      const c = i[1] ?? 0;
      const { average = 0, variance = 0 } = moments[c] ?? {};
      return (at(scale, [c]) * (at(x, i) - average)) / Math.sqrt(variance + epsilon) + at(shift, [c]);
    });
    const vector = (values: readonly number[]) => ({ shape: [channels.length], values });
    return { ...y, further: [vector(moments.map(({ average }) => average)), vector(moments.map(({ variance }) => variance))] };
  },

  convTranspose: ([x, w, bias], { groups, strides, pads, dilations, kernelShape, outputPadding }) => {
    const [images = 0, channels = 0, ...sizes] = x?.shape ?? [];
    const groupChannels = w?.shape[1] ?? 0;
    const reach = (axis: number) => ((kernelShape[axis] ?? 0) - 1) * (dilations[axis] ?? 1) + 1;
    const out = sizes.map((size, axis) => {
      const whole = (size - 1) * (strides[axis] ?? 1) + reach(axis);
      return whole - (pads[axis] ?? 0) - (pads[axis + sizes.length] ?? 0) + (outputPadding[axis] ?? 0);
    });
    const sums = zeros([images, groupChannels * groups, ...out]);
    let macs = 0;
    // Each element of x paints its multiple of the kernel onto y.
    for (const [n = 0, c = 0, ...p] of product([images, channels, ...sizes].map(range))) {
      const group = Math.floor(c / (channels / groups));
      for (const [m = 0, ...k] of product([groupChannels, ...kernelShape].map(range))) {
        macs++;
        const target = p.map((i, axis) => i * (strides[axis] ?? 1) + (k[axis] ?? 0) * (dilations[axis] ?? 1) - (pads[axis] ?? 0));
        if (isInside(target, out)) sums.add([n, group * groupChannels + m, ...target], at(x, [n, c, ...p]) * at(w, [c, m, ...k]));
      }
    }
    const y = sums.result();
    const perImage = y.values.length / images / (groupChannels * groups);
    return {
      ...y,
      macs,
      values: y.values.map((value, i) => value + (bias ? at(bias, [Math.floor(i / perImage) % (groupChannels * groups)]) : 0)),
    };
  },

  instanceNormalization: ([x, scale, shift], { epsilon }) =>
    compute(x?.shape ?? [], (i) => {
      const [n = 0, c = 0] = i;
      const { average, variance } = momentsOf(places(x, c, n).map((p) => at(x, p)));
      return (at(scale, [c]) * (at(x, i) - average)) / Math.sqrt(variance + epsilon) + at(shift, [c]);
    }),

  maxPool: ([x], attributes) => pool(x, attributes, attributes.ceilMode, (real) => Math.max(...real)),

  relu: ([x]) => compute(x?.shape ?? [], (i) => Math.max(at(x, i), 0)),

  scale: ([x], { factor }) => compute(x?.shape ?? [], (i) => factor * at(x, i)),
};

/** `combine` gets the real elements under each window and the number of its places inside the padded input. */
function pool(
  x: NaiveTensor | undefined,
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
