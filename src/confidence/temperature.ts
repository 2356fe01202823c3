/**
 * Temperature scaling: softmax(logits / T) with the one T that minimizes the negative log-likelihood (NLL) of held-out images.
 * Source: Guo et al., "On Calibration of Modern Neural Networks", ICML 2017, section 4.2.
 */
import { InceptionError } from "../errors.js";
import { checkLogits, type LabeledLogits } from "./labeled-logits.js";
import { logSumExp } from "./log-sum-exp.js";

/** Temperatures beyond these bounds come from data that determine none. */
export const TEMPERATURE_RANGE = { low: 0.01, high: 100 } as const;

/** Newton's method converges in fewer than ten steps; bisection to the last bit takes at most so many. */
const MAX_STEPS = 100;

/** Why images determine no temperature. */
type Undetermined = "the logits contain no information about the classes" | "the images are classified correctly too clearly";

/**
 * Returns the temperature of least NLL. In 1/T the NLL is convex, so that Newton's method, kept inside a bracket by bisection, finds
 * the one minimum.
 *
 * @throws InceptionError as `checkLogits`; DATASET_INVALID where the NLL has no minimum in [0.01, 100]: each image is classified
 *   correctly, or the logits contain no information about the classes
 */
export function fitTemperature(data: LabeledLogits): number {
  const found = leastNll(data);
  if (typeof found === "string") throw undetermined(data, found);
  return found;
}

/**
 * As `fitTemperature`, for images that may determine no temperature. Where they are all classified correctly it is 1, so that nothing
 * becomes surer on their account; where the logits contain no information, 100.
 *
 * @returns `isDetermined` false where the temperature is such a bound
 * @throws InceptionError as `checkLogits`
 */
export function boundedTemperature(data: LabeledLogits): { readonly temperature: number; readonly isDetermined: boolean } {
  const found = leastNll(data);
  if (typeof found === "number") return { temperature: found, isDetermined: true };
  const isTooClear = found === "the images are classified correctly too clearly";
  return { temperature: isTooClear ? 1 : TEMPERATURE_RANGE.high, isDetermined: false };
}

function leastNll(data: LabeledLogits): number | Undetermined {
  checkLogits(data);
  let [low, high] = [1 / TEMPERATURE_RANGE.high, 1 / TEMPERATURE_RANGE.low];
  if (slopes(data, low).first >= 0) return "the logits contain no information about the classes";
  if (slopes(data, high).first <= 0) return "the images are classified correctly too clearly";
  let scale = 1;
  for (let step = 0; step < MAX_STEPS; step++) {
    const { first, second } = slopes(data, scale);
    if (first === 0) break;
    if (first > 0) high = scale;
    else low = scale;
    const newton = scale - first / second;
    const next = newton > low && newton < high ? newton : (low + high) / 2;
    if (Math.abs(next - scale) <= 4 * Number.EPSILON * scale) break;
    scale = next;
  }
  return 1 / scale;
}

function undetermined({ logits }: LabeledLogits, reason: Undetermined): InceptionError {
  const { low, high } = TEMPERATURE_RANGE;
  const fact = `no temperature from ${low} to ${high} minimizes the loss of these ${logits.length} images, because ${reason}`;
  return new InceptionError("DATASET_INVALID", `Cannot fit a temperature: ${fact}; use more held-out images`, { images: logits.length });
}

/** First and second derivative of the mean NLL by the scale 1/T: mean of E[z] − z_label and of Var[z], under softmax(scale · z). */
function slopes({ logits, labels }: LabeledLogits, scale: number): { readonly first: number; readonly second: number } {
  let [first, second] = [0, 0];
  for (const [index, row] of logits.entries()) {
    const normalizer = logSumExp(row, scale);
    let mean = 0;
    let square = 0;
    // Differences from the label's logit keep their digits where all logits are large.
    const own = row[labels[index]!]!;
    for (let k = 0; k < row.length; k++) {
      const difference = row[k]! - own;
      const probability = Math.exp(scale * row[k]! - normalizer);
      mean += probability * difference;
      square += probability * difference * difference;
    }
    first += mean;
    second += square - mean * mean;
  }
  return { first: first / logits.length, second: second / logits.length };
}
