/** The loops of the ops that are gradients of others, as test/naive-ops.ts describes them. */
import {
  at,
  compute,
  type Index,
  isInside,
  momentsOf,
  type NaiveOp,
  type NaiveTensor,
  places,
  product,
  range,
  windowStarts,
  zeros,
} from "./naive.js";

type GradientOp =
  | "batchNormalizationGradient"
  | "batchNormalizationTrainingGradient"
  | "convChwnInputGradient"
  | "convInputGradient"
  | "convWeightGradient"
  | "instanceNormalizationGradient"
  | "lpNormalizationGradient"
  | "lrnGradient"
  | "maxPoolGradient";

export const NAIVE_GRADIENT_OPS: { readonly [K in GradientOp]: NaiveOp<K> } = {
  batchNormalizationGradient: ([x, dy, scale, average, variance], { epsilon, affine }) => {
    const deviation = (c: number) => Math.sqrt(at(variance, [c]) + epsilon);
    const dx = compute(x?.shape ?? [], (i) => (at(dy, i) * at(scale, [i[1] ?? 0])) / deviation(i[1] ?? 0));
    const dscale = compute(scale?.shape ?? [], ([c = 0]) =>
      total(places(x, c).map((i) => (at(dy, i) * (at(x, i) - at(average, [c]))) / deviation(c))),
    );
    const dshift = compute(scale?.shape ?? [], ([c = 0]) => total(places(x, c).map((i) => at(dy, i))));
    return { ...dx, further: affine ? [dscale, dshift] : [] };
  },

  // The batch statistics come in as inputs; the loops take them as such, and for dx as what they are: functions of x.
  batchNormalizationTrainingGradient: ([x, dy, scale, average, variance], { epsilon }) => {
    const sums = zeros(x?.shape ?? []);
    const [dscale, dshift] = [zeros(scale?.shape ?? []), zeros(scale?.shape ?? [])];
    for (const c of range(x?.shape[1] ?? 0)) {
      const moments = { average: at(average, [c]), variance: at(variance, [c]) };
      normalizationGradient(x, dy, places(x, c), moments, epsilon, ({ index, dx, normalized }) => {
        sums.add(index, dx * at(scale, [c]));
        dscale.add([c], at(dy, index) * normalized);
        dshift.add([c], at(dy, index));
      });
    }
    return { ...sums.result(), further: [dscale.result(), dshift.result()] };
  },

  instanceNormalizationGradient: ([x, dy, scale], { epsilon }) => {
    const sums = zeros(x?.shape ?? []);
    const [dscale, dshift] = [zeros(scale?.shape ?? []), zeros(scale?.shape ?? [])];
    for (const [n = 0, c = 0] of product((x?.shape ?? []).slice(0, 2).map(range))) {
      const own = places(x, c, n);
      normalizationGradient(x, dy, own, momentsOf(own.map((i) => at(x, i))), epsilon, ({ index, dx, normalized }) => {
        sums.add(index, dx * at(scale, [c]));
        dscale.add([c], at(dy, index) * normalized);
        dshift.add([c], at(dy, index));
      });
    }
    return { ...sums.result(), further: [dscale.result(), dshift.result()] };
  },

  convChwnInputGradient: ([dy, w], { inputShape, ...attributes }) => {
    const [outChannels = 0, ...out] = dy?.shape ?? [];
    const batch = out.pop() ?? 0;
    const sums = zeros([w?.shape[1] ?? 0, ...inputShape, batch]);
    let macs = 0;
    for (const { m, c, k, target } of meetings(outChannels, w?.shape[1] ?? 0, out, attributes)) {
      for (const n of range(batch)) {
        macs++;
        if (isInside(target.x, inputShape)) sums.add([c, ...target.x, n], at(dy, [m, ...target.y, n]) * at(w, [m, c, ...k]));
      }
    }
    return { ...sums.result(), macs };
  },

  convInputGradient: ([dy, w], { inputShape, ...attributes }) => {
    const [images = 0, outChannels = 0, ...out] = dy?.shape ?? [];
    const sums = zeros([images, (w?.shape[1] ?? 0) * attributes.groups, ...inputShape]);
    let macs = 0;
    for (const { m, c, k, channel, target } of meetings(outChannels, w?.shape[1] ?? 0, out, attributes)) {
      for (const n of range(images)) {
        macs++;
        if (isInside(target.x, inputShape)) sums.add([n, channel, ...target.x], at(dy, [n, m, ...target.y]) * at(w, [m, c, ...k]));
      }
    }
    return { ...sums.result(), macs };
  },

  convWeightGradient: ([x, dy], attributes) => {
    const [images = 0, outChannels = 0, ...out] = dy?.shape ?? [];
    const [, channels = 0, ...sizes] = x?.shape ?? [];
    const groupChannels = channels / attributes.groups;
    const sums = zeros([outChannels, groupChannels, ...attributes.kernelShape]);
    let macs = 0;
    for (const { m, c, k, channel, target } of meetings(outChannels, groupChannels, out, attributes)) {
      for (const n of range(images)) {
        macs++;
        if (isInside(target.x, sizes)) sums.add([m, c, ...k], at(dy, [n, m, ...target.y]) * at(x, [n, channel, ...target.x]));
      }
    }
    return { ...sums.result(), macs };
  },

  lpNormalizationGradient: ([x, dy], { axis, epsilon }) =>
    compute(x?.shape ?? [], (i) => {
      const line = range(x?.shape[axis] ?? 0).map((j) => i.map((value, a) => (a === axis ? j : value)));
      const norm = Math.hypot(...line.map((p) => at(x, p)));
      if (norm < epsilon) return at(dy, i) / epsilon;
      // ∂(x_p/‖x‖)/∂x_i, one p after the other.
      return total(line.map((p) => at(dy, p) * (Number(p[axis] === i[axis]) / norm - (at(x, p) * at(x, i)) / norm ** 3)));
    }),

  lrnGradient: ([x, dy], { size, alpha, beta, bias }) =>
    compute(x?.shape ?? [], ([n = 0, channel = 0, ...p]) => {
      const channels = range(x?.shape[1] ?? 0);
      const isNear = (of: number, c: number): boolean => c >= of - Math.floor(size / 2) && c <= of + Math.floor((size - 1) / 2);
      // ∂y_c/∂x_channel, one c after the other.
      return total(
        channels.map((c) => {
          const v = bias + (alpha / size) * total(channels.filter((j) => isNear(c, j)).map((j) => at(x, [n, j, ...p]) ** 2));
          const own = c === channel ? v ** -beta : 0;
          const inside = isNear(c, channel) ? (2 * alpha * at(x, [n, channel, ...p])) / size : 0;
          return at(dy, [n, c, ...p]) * (own - at(x, [n, c, ...p]) * beta * v ** (-beta - 1) * inside);
        }),
      );
    }),

  maxPoolGradient: ([x, , dy], attributes) => {
    const [images = 0, channels = 0, ...sizes] = x?.shape ?? [];
    const starts = sizes.map((size, axis) => windowStarts(size, attributes, axis, attributes.ceilMode));
    const sums = zeros(x?.shape ?? []);
    for (const [n = 0, c = 0, ...window] of product([images, channels, ...starts.map((list) => list.length)].map(range))) {
      const taps = product(attributes.kernelShape.map(range));
      const under = taps.map((tap) =>
        tap.map((k, axis) => (starts[axis]?.[window[axis] ?? 0] ?? 0) + k * (attributes.dilations[axis] ?? 1)),
      );
      const real = under.filter((p) => isInside(p, sizes));
      const largest = Math.max(...real.map((p) => at(x, [n, c, ...p])));
      const first = real.find((p) => at(x, [n, c, ...p]) === largest);
      if (first) sums.add([n, c, ...first], at(dy, [n, c, ...window]));
    }
    return sums.result();
  },
};

interface Tap {
  readonly index: Index;
  /** Gradient without the scale. */
  readonly dx: number;
  readonly normalized: number;
}

/** The chain rule through mean and variance, each as a function of all elements. */
function normalizationGradient(
  x: NaiveTensor | undefined,
  dy: NaiveTensor | undefined,
  own: readonly Index[],
  { average, variance }: { readonly average: number; readonly variance: number },
  epsilon: number,
  give: (tap: Tap) => void,
): void {
  const deviation = Math.sqrt(variance + epsilon);
  const toVariance = total(own.map((i) => (at(dy, i) * (at(x, i) - average) * -0.5) / deviation ** 3));
  // The variance does not move with the mean, as x − mean adds up to 0.
  const toMean = total(own.map((i) => -at(dy, i) / deviation));
  for (const index of own) {
    const centered = at(x, index) - average;
    const dx = at(dy, index) / deviation + (toVariance * 2 * centered) / own.length + toMean / own.length;
    give({ index, dx, normalized: centered / deviation });
  }
}

/** Every product of a convolution for one image: output channel and place, tap, input channel and place, also in the padding. */
function meetings(
  outChannels: number,
  groupChannels: number,
  out: readonly number[],
  { kernelShape, strides, pads, dilations, groups }: { readonly groups: number } & Parameters<typeof windowStarts>[1],
) {
  return product([outChannels, groupChannels, ...kernelShape, ...out].map(range)).map(([m = 0, c = 0, ...rest]) => {
    const [k, y] = [rest.slice(0, out.length), rest.slice(out.length)];
    const x = y.map((p, axis) => p * (strides[axis] ?? 1) - (pads[axis] ?? 0) + (k[axis] ?? 0) * (dilations[axis] ?? 1));
    return { m, c, k, channel: Math.floor(m / (outChannels / groups)) * groupChannels + c, target: { x, y } };
  });
}

function total(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}
