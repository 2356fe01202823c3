/** How well probabilities agree with what happened: NLL, Brier score, calibration error, reliability diagram. */
import { checkLogits, type LabeledLogits } from "./labeled-logits.js";
import { logSumExp } from "./log-sum-exp.js";

/** Bins of equal width, as in Guo et al. (2017). */
const ECE_BINS = 15;

/** What the probabilities of one image are worth. */
export interface ImageQuality {
  /** −log of the probability of its class. */
  readonly nll: number;
  /** Squared distance of the probabilities from the class, Σ (p_k − [k = label])²: 0 to 2 (Brier, 1950). */
  readonly brier: number;
  /** Largest probability. */
  readonly confidence: number;
  /** Whether the class of the largest probability, the first of equals, is right. */
  readonly correct: boolean;
}

/** One bin of a reliability diagram: confidences in (low, high], the first bin with 0. */
export interface ReliabilityBin {
  readonly low: number;
  readonly high: number;
  readonly count: number;
  /** Mean confidence; null for no images. */
  readonly confidence: number | null;
  /** Fraction of correct predictions; null for no images. */
  readonly accuracy: number | null;
}

/** Means over images. */
export interface Quality {
  readonly nll: number;
  readonly brier: number;
  /** Expected calibration error with 15 bins of equal width. */
  readonly ece: number;
}

/**
 * Returns what softmax(logits / temperature) is worth, image by image.
 *
 * @throws InceptionError as `checkLogits`
 */
export function imageQualities(data: LabeledLogits, temperature = 1): readonly ImageQuality[] {
  checkLogits(data);
  const scale = 1 / temperature;
  return data.logits.map((row, index) => {
    const label = data.labels[index]!;
    const normalizer = logSumExp(row, scale);
    let [brier, confidence, answer] = [0, -1, 0];
    for (let k = 0; k < row.length; k++) {
      const probability = Math.exp(scale * row[k]! - normalizer);
      brier += (probability - (k === label ? 1 : 0)) ** 2;
      if (probability > confidence) [confidence, answer] = [probability, k];
    }
    return { nll: normalizer - scale * row[label]!, brier, confidence, correct: answer === label };
  });
}

/** Means of the measures of at least one image. */
export function qualityOf(images: readonly ImageQuality[]): Quality {
  const mean = (value: (image: ImageQuality) => number): number => images.reduce((sum, image) => sum + value(image), 0) / images.length;
  return { nll: mean(({ nll }) => nll), brier: mean(({ brier }) => brier), ece: calibrationError(reliabilityBins(images)) };
}

/** The reliability diagram with bins of equal width. */
export function reliabilityBins(
  images: readonly Pick<ImageQuality, "confidence" | "correct">[],
  bins = ECE_BINS,
): readonly ReliabilityBin[] {
  const sums = Array.from({ length: bins }, () => ({ count: 0, confidence: 0, correct: 0 }));
  for (const { confidence, correct } of images) {
    const bin = sums[Math.min(bins - 1, Math.max(0, Math.ceil(confidence * bins) - 1))]!;
    bin.count++;
    bin.confidence += confidence;
    if (correct) bin.correct++;
  }
  return sums.map(({ count, confidence, correct }, index) => ({
    low: index / bins,
    high: (index + 1) / bins,
    count,
    confidence: count === 0 ? null : confidence / count,
    accuracy: count === 0 ? null : correct / count,
  }));
}

/**
 * Expected calibration error: the mean of |accuracy − confidence| over the bins, weighted by their images.
 * Source: Naeini et al., "Obtaining Well Calibrated Probabilities Using Bayesian Binning", AAAI 2015.
 */
export function calibrationError(bins: readonly Pick<ReliabilityBin, "count" | "confidence" | "accuracy">[]): number {
  const total = bins.reduce((sum, { count }) => sum + count, 0);
  const gaps = bins.map(({ count, confidence, accuracy }) =>
    confidence === null || accuracy === null ? 0 : (count / total) * Math.abs(accuracy - confidence),
  );
  return gaps.reduce((sum, gap) => sum + gap, 0);
}
