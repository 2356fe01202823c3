import { InceptionError } from "../../errors.js";
import { quoted } from "../../formats/quoted.js";
import { runRows } from "../../predict/predict.js";
import { callOf, throwIfAborted } from "../../runtime/abort.js";
import type { CallOptions } from "../../runtime/platform.js";
import type { Session } from "../../runtime/session.js";
import { argMax } from "../../tensor/arg-max.js";
import { elementCount, float32Tensor, type Tensor } from "../../tensor/tensor.js";
import { formatCount } from "../../text.js";
import type { InputBatch } from "./inputs.js";

/** A network with floats and the same with integers, and the output that is compared. */
export interface Pair {
  readonly float: Session;
  readonly int8: Session;
  readonly output: string;
  /** "top1": the output classifies. "cosine": it is an embedding. "dice": it classifies each voxel. */
  readonly measure: "top1" | "cosine" | "dice";
}

/** How comparing is followed and ended. */
interface CompareOptions extends CallOptions {
  /** Called with how many images or volumes more are done. */
  readonly onFiles?: (count: number) => void;
}

/** How two networks answer the same photographs or volumes. */
export interface Agreement {
  /**
   * "top1": the share with the same most probable class. "cosine": the mean cosine of the angle between the outputs. "dice": the
   * mean over the labels of the Dice overlap of both, each counted over all volumes.
   */
  readonly agreement: number;
  /** Share of the labeled photographs whose class is the most probable; null where none is labeled. */
  readonly top1Float: number | null;
  readonly top1Int8: number | null;
  readonly evaluated: number;
  readonly labeled: number;
}

/**
 * @param labelOf - the class of the image at a position, or null where it is not known
 */
export async function compareAnswers(
  { float, int8, output, measure }: Pair,
  batches: AsyncIterable<InputBatch>,
  labelOf: (index: number) => number | null,
  { onFiles, ...options }: CompareOptions = {},
): Promise<Agreement> {
  let [evaluated, agreeing, labeled, rightFloat, rightInt8] = [0, 0, 0, 0, 0];
  for await (const batch of batches) {
    const [floatRows, int8Rows] = await runBoth({ float, int8, output }, batch, options);
    for (const [row, index] of batch.indices.entries()) {
      const [a, b] = [floatRows[row] ?? new Float32Array(), int8Rows[row] ?? new Float32Array()];
      const [answerA, answerB] = [argMax(a), argMax(b)];
      agreeing += measure === "top1" ? Number(answerA === answerB) : cosine(a, b);
      const label = measure === "top1" ? labelOf(index) : null;
      if (label === null) continue;
      labeled++;
      rightFloat += Number(answerA === label);
      rightInt8 += Number(answerB === label);
    }
    evaluated += batch.finished;
    onFiles?.(batch.finished);
  }
  const share = (count: number): number | null => (labeled === 0 ? null : count / labeled);
  return {
    agreement: evaluated === 0 ? 0 : agreeing / evaluated,
    top1Float: share(rightFloat),
    top1Int8: share(rightInt8),
    evaluated,
    labeled,
  };
}

/**
 * How far two networks give the voxels of the same windows the same labels: for each class but the background 2·|A ∩ B| / (|A| + |B|),
 * and the mean of that over the classes that either finds.
 *
 * @throws InceptionError DATASET_INVALID where neither finds any: that would prove nothing
 */
export async function compareLabels(
  { float, int8, output }: Pair,
  batches: AsyncIterable<InputBatch>,
  { onFiles, ...options }: CompareOptions = {},
): Promise<Agreement> {
  const counts: { readonly common: number[]; readonly all: number[] } = { common: [], all: [] };
  let evaluated = 0;
  for await (const batch of batches) {
    const [floatRows, int8Rows] = await runBoth({ float, int8, output }, batch, options);
    const voxels = elementCount(batch.input.shape.slice(2));
    for (const [index, row] of floatRows.entries()) countLabels(counts, row, int8Rows[index] ?? new Float32Array(), voxels);
    evaluated += batch.finished;
    onFiles?.(batch.finished);
  }
  const dice = counts.all.flatMap((all, label) => (label === 0 || all === 0 ? [] : [(2 * (counts.common[label] ?? 0)) / all]));
  if (evaluated > 0 && dice.length === 0) {
    const message = `Cannot compare labels: neither model predicts a label in ${formatCount(evaluated)} volumes; use volumes with labels`;
    throw new InceptionError("DATASET_INVALID", message, { evaluated });
  }
  const agreement = dice.reduce((sum, value) => sum + value, 0) / Math.max(1, dice.length);
  return { agreement, top1Float: null, top1Int8: null, evaluated, labeled: 0 };
}

/** Rows of both networks, refused where one is not finite. */
async function runBoth(
  { float, int8, output }: Pick<Pair, "float" | "int8" | "output">,
  { input, names }: Pick<InputBatch, "input" | "names">,
  options: CallOptions,
) {
  throwIfAborted(options.signal);
  const nameOf = (kind: string) => (row: number) => `${quoted(names[row] ?? String(row))} by the ${kind} model`;
  const floatRows = await runRows(float, copied(input), output, nameOf("float32"), callOf(options));
  return [floatRows, await runRows(int8, input, output, nameOf("int8"), callOf(options))] as const;
}

/** Adds the voxels of each class in both and in either of two maps of logits [classes, voxels]. */
function countLabels(
  { common, all }: { readonly common: number[]; readonly all: number[] },
  a: Float32Array,
  b: Float32Array,
  voxels: number,
): void {
  for (let voxel = 0; voxel < voxels; voxel++) {
    const [labelA, labelB] = [argMax(a, voxel, voxels), argMax(b, voxel, voxels)];
    all[labelA] = (all[labelA] ?? 0) + 1;
    all[labelB] = (all[labelB] ?? 0) + 1;
    if (labelA === labelB) common[labelA] = (common[labelA] ?? 0) + 1;
  }
}

/** a·b / (|a|·|b|); 0 where one of them is 0. */
export function cosine(a: Float32Array, b: Float32Array): number {
  let [product, lengthA, lengthB] = [0, 0, 0];
  for (let index = 0; index < a.length; index++) {
    const [left, right] = [a[index] ?? 0, b[index] ?? 0];
    product += left * right;
    lengthA += left * left;
    lengthB += right * right;
  }
  return lengthA === 0 || lengthB === 0 ? 0 : product / Math.sqrt(lengthA * lengthB);
}

/** Milliseconds of one run each, in turn. */
export interface Timings {
  readonly float: readonly number[];
  readonly int8: readonly number[];
  /** How many times as fast integers are: the ratio of the medians. */
  readonly speedup: number;
}

/**
 * Time both networks on one batch. They take turns, so that what else the machine does meets both alike; the first run of
 * each is not counted.
 *
 * @param clock - milliseconds
 */
export async function compareSpeed(
  { float, int8, output }: Pair,
  input: Tensor & { readonly data: Float32Array },
  rounds: number,
  clock: () => number,
  { onRound, ...options }: CallOptions & { readonly onRound?: () => void } = {},
): Promise<Timings> {
  const timed = async (session: Session): Promise<number> => {
    throwIfAborted(options.signal);
    const own = copied(input);
    const start = clock();
    await runRows(session, own, output, undefined, callOf(options));
    return clock() - start;
  };
  await timed(float);
  await timed(int8);
  const times: { readonly float: number[]; readonly int8: number[] } = { float: [], int8: [] };
  for (let round = 0; round < rounds; round++) {
    times.float.push(await timed(float));
    times.int8.push(await timed(int8));
    onRound?.();
  }
  return { ...times, speedup: median(times.float) / median(times.int8) };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? (sorted[middle] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}

/** A run takes its input away. */
function copied({ shape, data }: Tensor & { readonly data: Float32Array }): Tensor {
  return float32Tensor(shape, data.slice());
}
