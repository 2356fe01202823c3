import { gradients } from "../autodiff/gradient.js";
import { InceptionError } from "../errors.js";
import type { Graph } from "../ir/graph.js";
import { absolute, beginExplanation, finishExplanation, scoresOf, totalOf } from "./explained.js";

/** Options of integrated gradients (Sundararajan et al. 2017). */
export interface IntegratedGradientsOptions {
  /** Points on the way from the baseline to the image, 2 to 256; they run together as one batch. Default 16. */
  readonly steps?: number;
  /** Every value of the baseline, as the network reads it. Default 0: the mean pixel of the preprocessing. */
  readonly baseline?: number;
}

/** Default number of integration steps. */
export const DEFAULT_STEPS = 16;

/**
 * Builds the graph of integrated gradients: the contribution of each pixel to the difference between the class logit of the image and
 * that of the baseline.
 *
 * With the baseline x', the share of pixel i is (x_i − x'_i) · ∫₀¹ ∂y/∂x_i (x' + α(x − x')) dα, the integral by the midpoint
 * rule at α = (k + ½)/steps. The shares sum to y(x) − y(x') up to the error of the rule. The map is the absolute value of
 * their sum over channels. Source: Sundararajan et al., arXiv:1703.01365.
 *
 * @returns inputs "input" [1, C, H, W] and "target" [1] int32; outputs "map" [1, 1, H, W], "shares" [1, C, H, W] and
 *   "scores" [steps, 1], the logits of the class on the way
 * @throws InceptionError OPTION_INVALID for a network without logits of images or an option out of range
 *
 * @example
 * ```ts
 * import { integratedGradients } from "inceptionkit/explain";
 * import { describeModel } from "inceptionkit/models";
 * const graph = integratedGradients(describeModel("googlenet", { widthMultiplier: 0.125 }), { steps: 8 });
 * graph.inputs.map(({ name }) => name); // ["input", "target"]
 * ```
 */
export function integratedGradients(network: Graph, options: IntegratedGradientsOptions = {}): Graph {
  const { steps = DEFAULT_STEPS, baseline = 0 } = options;
  checkOptions(network, steps, baseline);
  const { explained } = beginExplanation(network, "integrated_gradients");
  const { b, input, run } = explained;
  const difference = b.add(
    "sub",
    "difference",
    [input, b.add("constant", "explain.baseline", [], { shape: [1, 1, 1, 1], values: [baseline] })],
    {},
  );
  const shares = Array.from({ length: steps }, (_, k) => (k + 0.5) / steps);
  const way = b.add(
    "mul",
    "explain.way",
    [difference, b.add("constant", "explain.shares_of_way", [], { shape: [steps, 1, 1, 1], values: shares })],
    {},
  );
  const images = b.add(
    "add",
    "explain.images",
    [way, b.add("constant", "explain.start", [], { shape: [1, 1, 1, 1], values: [baseline] })],
    {},
  );
  const scores = scoresOf(explained, "explain.scores", run(images).logits);
  const [gradient] = gradients(b, totalOf(explained, "explain.score", scores), [images]);
  if (!gradient) throw new RangeError(`Cannot explain "${network.name}": its logits do not depend on its input`);
  const mean = b.add("reduceMean", "explain.mean_gradient", [gradient], { axes: [0], keepDims: true });
  const attributed = b.add("mul", "explain.attributed", [difference, mean], {});
  const summed = b.add("reduceSum", "explain.summed", [attributed], { axes: [1], keepDims: true });
  return finishExplanation(explained, absolute(explained, "explain.size", summed), { shares: attributed, scores });
}

function checkOptions({ name }: Graph, steps: number, baseline: number): void {
  const stepsFit = Number.isInteger(steps) && steps >= 2 && steps <= 256;
  if (stepsFit && Number.isFinite(baseline)) return;
  const fact = stepsFit ? `baseline ${baseline}, expected a finite number` : `${steps} steps, expected an integer from 2 to 256`;
  throw new InceptionError("OPTION_INVALID", `Cannot explain "${name}" with ${fact}`, { network: name, steps, baseline });
}
