/**
 * Where to cut a distribution so that few levels describe what is left best: S. Migacz, "8-bit inference with TensorRT"
 * (GTC 2017), which ONNX Runtime's calibrator and NVIDIA's pytorch-quantization follow too.
 */

/** What Q has in a bin that P alone fills, as a share of one value: the loss there is large and finite. */
const EPSILON = 1e-4;

/**
 * The cut, in bins, at which the counts lose least when they are described by `levels` levels.
 *
 * For each number i of bins from `levels` on: P is the first i counts with all later ones added to the last; Q is the first
 * i counts without those, joined in `levels` groups of neighbors and spread again evenly over the bins of a group that are
 * not empty. The i with the least relative entropy Σ P·log(P/Q), both normalized, is the cut; of several the largest.
 *
 * The first bin holds the zeros that a ReLU makes, half of all values, which any range represents exactly. Counted, they
 * would make every cut but the narrowest look bad; so it is given the second bin's count, as pytorch-quantization does.
 *
 * @param counts - by distance from 0, bins of equal width
 * @returns a number of bins in [min(levels, length), length]
 */
export function entropyThreshold(counts: Float64Array, levels: number): number {
  const { length } = counts;
  if (length <= levels) return length;
  const sums = runningSums(Float64Array.from(counts, (count, index) => (index === 0 ? (counts[1] ?? 0) : count)));
  let best = { bins: length, loss: Number.POSITIVE_INFINITY };
  for (let bins = levels; bins <= length; bins++) {
    const loss = relativeEntropy(sums, bins, levels);
    if (loss <= best.loss) best = { bins, loss };
  }
  return best.bins;
}

/** Sums over the bins before each, so that those over any group are differences. */
interface RunningSums {
  readonly counts: Float64Array;
  readonly before: Float64Array;
  /** Number of bins that are not empty. */
  readonly filled: Float64Array;
  /** Σ c·log c. */
  readonly entropy: Float64Array;
}

function runningSums(counts: Float64Array): RunningSums {
  const [before, filled, entropy] = [counts, counts, counts].map(({ length }) => new Float64Array(length + 1));
  if (before === undefined || filled === undefined || entropy === undefined) throw new RangeError("Cannot add counts");
  for (const [index, count] of counts.entries()) {
    before[index + 1] = (before[index] ?? 0) + count;
    filled[index + 1] = (filled[index] ?? 0) + (count > 0 ? 1 : 0);
    entropy[index + 1] = (entropy[index] ?? 0) + logProduct(count, count);
  }
  return { counts, before, filled, entropy };
}

/**
 * Σ P·log(P/Q). With n values in all and m of them inside the cut, a bin of count c in a group of mean count q adds
 * c/n · (log(c/n) − log(q/m)), where the last bin's c includes what is outside.
 */
function relativeEntropy({ counts, before, filled, entropy }: RunningSums, bins: number, levels: number): number {
  const [all, inside, last] = [before.at(-1) ?? 0, before[bins] ?? 0, counts[bins - 1] ?? 0];
  if (inside === 0) return Number.POSITIVE_INFINITY;
  const outside = all - inside;
  // Σ c·log c − Σ c·log q, with the last bin as it is in P.
  let sum = (entropy[bins - 1] ?? 0) + logProduct(last + outside, last + outside);
  let mean = 0;
  for (let level = 0; level < levels; level++) {
    const [start, end] = [Math.floor((level * bins) / levels), Math.floor(((level + 1) * bins) / levels)];
    const count = (before[end] ?? 0) - (before[start] ?? 0);
    mean = count === 0 ? 0 : count / ((filled[end] ?? 0) - (filled[start] ?? 0));
    sum -= logProduct(count, mean);
  }
  sum -= logProduct(outside, last > 0 ? mean : EPSILON);
  return sum / all + Math.log(inside / all);
}

/** a·log(b), 0 where a is 0. */
function logProduct(a: number, b: number): number {
  return a === 0 ? 0 : a * Math.log(b);
}
