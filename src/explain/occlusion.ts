import { InceptionError } from "../errors.js";
import type { Graph } from "../ir/graph.js";
import type { Ref } from "../ops/build.js";
import { formatCount } from "../text.js";
import { beginExplanation, type Explained, finishExplanation, scoresOf } from "./explained.js";

/** Options of occlusion (Zeiler and Fergus 2014). */
export interface OcclusionOptions {
  /** Side of the square that covers a part of the image, in pixels. Default: a quarter of the shorter side. */
  readonly window?: number;
  /** Pixels from one position to the next. Default: half of the window. */
  readonly stride?: number;
  /** What the window shows, as the network reads it. Default 0: the mean pixel of the preprocessing. */
  readonly fill?: number;
}

/** All positions run as one batch; more would need more memory than explaining is worth. */
const MAX_POSITIONS = 256;

/**
 * Occlusion: how far the class's logit falls when a part of the image is covered.
 *
 * A square goes over the image; each pixel gets the mean fall over the positions that cover it, and 0 where covering raises
 * the logit. No gradient is involved, so it checks the methods that use one. Source: Zeiler and Fergus, arXiv:1311.2901,
 * section 4.2.
 *
 * @returns inputs "input" [1, C, H, W] and "target" [1] int32; outputs "map" [1, 1, H, W], "falls" [positions, 1] row by row,
 *   and "score" [1, 1] of the whole image
 * @throws InceptionError OPTION_INVALID for a network without logits of images, a window that does not fit, or more than 256 positions
 *
 * @example
 * ```ts
 * import { occlusion } from "inceptionkit/explain";
 * import { describeModel } from "inceptionkit/models";
 * const graph = occlusion(describeModel("googlenet", { widthMultiplier: 0.125 }), { window: 64, stride: 32 });
 * graph.outputs.map(({ name }) => name); // ["map", "falls", "score"]
 * ```
 */
export function occlusion(network: Graph, options: OcclusionOptions = {}): Graph {
  const { explained } = beginExplanation(network, "occlusion");
  const { b, input, run, size } = explained;
  const [, height, width] = size;
  const { window, stride, fill } = checkedOptions(network.name, height, width, options);
  const [rows, columns] = [startsOf(height, window, stride), startsOf(width, window, stride)];
  const covered = coveredPixels(explained, rows, columns, window);
  // x + m·(fill − x): nothing is covered in the first image.
  const towards = b.add(
    "sub",
    "explain.towards",
    [b.add("constant", "explain.fill", [], { shape: [1, 1, 1, 1], values: [fill] }), input],
    {},
  );
  const images = b.add("add", "explain.images", [b.add("mul", "explain.changed", [covered, towards], {}), input], {});
  const scores = scoresOf(explained, "explain.scores", run(images).logits);
  const part = (path: string, start: number, end: number) =>
    b.add("slice", path, [scores], { starts: [start], ends: [end], axes: [0], steps: [1] });
  const score = part("explain.score", 0, 1);
  const falls = b.add("sub", "explain.falls", [score, part("explain.covered_scores", 1, rows.length * columns.length + 1)], {});
  const grid = b.add("reshape", "explain.falls_grid", [falls], { shape: [1, 1, rows.length, columns.length] });
  const tall = b.add("matMulAxis", "explain.mean_fall.rows", [grid], { axis: 2, rows: height, matrix: coverShares(height, rows, window) });
  const mean = b.add("matMulAxis", "explain.mean_fall", [tall], { axis: 3, rows: width, matrix: coverShares(width, columns, window) });
  return finishExplanation(explained, b.add("relu", "explain.fallen", [mean], {}), { falls, score });
}

/** [1 + positions, 1, H, W]: 0 for the whole image, then for each position, row by row, 1 where the window is. */
function coveredPixels(
  { b, size: [, height, width] }: Explained,
  rows: readonly number[],
  columns: readonly number[],
  window: number,
): Ref {
  const none = (length: number) => new Array<number>(length).fill(0);
  const down = rows.flatMap((top) => columns.flatMap(() => insideOf(height, top, window)));
  const across = rows.flatMap(() => columns.flatMap((left) => insideOf(width, left, window)));
  const images = rows.length * columns.length + 1;
  const inRows = b.add("constant", "explain.covered.rows", [], { shape: [images, 1, height, 1], values: [...none(height), ...down] });
  const inColumns = b.add("constant", "explain.covered.columns", [], { shape: [images, 1, 1, width], values: [...none(width), ...across] });
  return b.add("mul", "explain.covered", [inRows, inColumns], {});
}

/** Along an axis: 1 where the window lies that begins at `start`. */
function insideOf(size: number, start: number, window: number): readonly number[] {
  return Array.from({ length: size }, (_, at) => (at >= start && at < start + window ? 1 : 0));
}

/** [size, windows], row-major: how much each window counts at each place, so that those that cover it count alike and sum to 1. */
function coverShares(size: number, starts: readonly number[], window: number): readonly number[] {
  return Array.from({ length: size }, (_, at) => {
    const covers = starts.map((start) => (at >= start && at < start + window ? 1 : 0));
    const count = covers.reduce<number>((sum, cover) => sum + cover, 0);
    return covers.map((cover) => cover / count);
  }).flat();
}

/** Where windows begin along an axis; the last one ends at the border. */
function startsOf(size: number, window: number, stride: number): readonly number[] {
  const count = Math.ceil((size - window) / stride) + 1;
  return Array.from({ length: count }, (_, index) => Math.min(index * stride, size - window));
}

function checkedOptions(name: string, height: number, width: number, options: OcclusionOptions): Required<OcclusionOptions> {
  const window = options.window ?? Math.max(1, Math.floor(Math.min(height, width) / 4));
  const stride = options.stride ?? Math.max(1, Math.floor(window / 2));
  const fill = options.fill ?? 0;
  const refused = (fact: string) =>
    new InceptionError("OPTION_INVALID", `Cannot explain "${name}" by occlusion: ${fact}`, { network: name, window, stride, fill });
  if (!Number.isInteger(window) || window < 1 || window > Math.min(height, width))
    throw refused(`a window of ${window} pixels, expected an integer from 1 to ${formatCount(Math.min(height, width))}`);
  if (!Number.isInteger(stride) || stride < 1 || stride > window)
    throw refused(`a stride of ${stride} pixels, expected an integer from 1 to ${window}`);
  if (!Number.isFinite(fill)) throw refused(`fill ${fill}, expected a finite number`);
  const positions = startsOf(height, window, stride).length * startsOf(width, window, stride).length;
  if (positions > MAX_POSITIONS) throw refused(`${positions} positions of the window, the limit is ${MAX_POSITIONS}; pass a larger stride`);
  return { window, stride, fill };
}
