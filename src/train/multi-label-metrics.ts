import { InceptionError } from "../errors.js";
import { formatCount } from "../text.js";
import { averagePrecision, bestThreshold } from "./average-precision.js";
import { classScore, type Evaluation, macroMeans, rankOf } from "./metrics.js";

/** What the metrics of images with several classes need. */
interface MultiLabelOptions {
  readonly numClasses: number;
  /** Given thresholds by class. Default: those with the largest F1 on the images, 0.5 for a class without images. */
  readonly thresholds?: readonly number[];
}

/** Logits of images, and which classes the images have. */
interface MultiLabelBatch {
  /** [count, classes], row-major; not yet through the sigmoid. */
  readonly logits: Float32Array;
  /** [count, classes]: 1 for each class that an image has, 0 for the others. */
  readonly targets: Float32Array;
}

/** Logits and truth that are kept: 1.25 GiB. That is 3 million images of 80 classes. */
const MAX_VALUES = 2 ** 28;

/** 1 / (1 + exp(−logit)), in double precision. */
function sigmoid(logit: number): number {
  return 1 / (1 + Math.exp(-logit));
}

/**
 * Measures a classifier of images with several classes. It keeps the logits of all images, since a ranking needs all of them.
 *
 * @example
 * ```ts
 * import { MultiLabelMetrics } from "inceptionkit/train";
 * const metrics = new MultiLabelMetrics({ numClasses: 2 });
 * metrics.update({ logits: Float32Array.of(2, 1, -1, 3), targets: Float32Array.of(1, 1, 0, 1) });
 * metrics.result().multiLabel?.meanAveragePrecision; // 1
 * ```
 */
export class MultiLabelMetrics {
  readonly #options: MultiLabelOptions;
  readonly #logits: Float32Array[] = [];
  readonly #truth: Uint8Array[] = [];
  #images = 0;

  /** @throws InceptionError OPTION_INVALID unless `numClasses` is a positive integer and there are as many thresholds, if any */
  constructor(options: MultiLabelOptions) {
    const { numClasses, thresholds } = options;
    if (!Number.isSafeInteger(numClasses) || numClasses < 1 || (thresholds !== undefined && thresholds.length !== numClasses)) {
      const fact = `numClasses is ${numClasses} and there are ${thresholds?.length ?? "no"} thresholds, expected one for each class`;
      throw new InceptionError("OPTION_INVALID", `Cannot evaluate a classifier: ${fact}`, { numClasses });
    }
    this.#options = options;
  }

  /**
   * Takes in a batch.
   *
   * @throws InceptionError SHAPE_INVALID where the lengths do not fit, DATASET_INVALID for a target that is neither 0 nor 1 or above
   *   268,435,456 values
   */
  update({ logits, targets }: MultiLabelBatch): void {
    const { numClasses } = this.#options;
    const count = logits.length / numClasses;
    if (!Number.isInteger(count) || targets.length !== logits.length) {
      const fact = `it has ${logits.length} logits and ${targets.length} targets, expected as many of both, ${numClasses} for each image`;
      throw new InceptionError("SHAPE_INVALID", `Cannot evaluate a batch: ${fact}`, { logits: logits.length, targets: targets.length });
    }
    if ((this.#images + count) * numClasses > MAX_VALUES) {
      const fact = `more than ${formatCount(MAX_VALUES)} scores, ${numClasses} for each image; use fewer images`;
      throw new InceptionError("DATASET_INVALID", `Cannot compute average precision of ${fact}`, { numClasses });
    }
    const wrong = targets.findIndex((target) => target !== 0 && target !== 1);
    if (wrong >= 0) {
      const fact = `its target is ${targets[wrong]}, expected 0 or 1`;
      throw new InceptionError("DATASET_INVALID", `Cannot evaluate image ${Math.floor(wrong / numClasses)} of a batch: ${fact}`, {});
    }
    this.#logits.push(logits.slice());
    this.#truth.push(Uint8Array.from(targets));
    this.#images += count;
  }

  /**
   * Result so far. Top-1 is the fraction of images whose most probable class is one of theirs, top-5 that of images that have one of
   * the five most probable classes; images without a class are not counted. The loss is the mean sigmoid cross-entropy of a class of
   * an image. Precision, recall and F1 are those at the thresholds.
   */
  result(): Evaluation {
    const { numClasses, thresholds: given } = this.#options;
    const classes = Array.from({ length: numClasses }, (_, index) => this.#classResult(index, given?.[index]));
    const known = classes.flatMap(({ precision }) => precision ?? []);
    const scores = classes.map(({ score }) => score);
    return {
      images: this.#images,
      loss: classes.reduce((sum, { loss }) => sum + loss, 0) / (this.#images * numClasses),
      ...this.#topScores(),
      classes: scores,
      macro: macroMeans(scores),
      confusion: null,
      mistakes: [],
      multiLabel: {
        meanAveragePrecision: known.reduce((sum, value) => sum + value, 0) / known.length,
        averagePrecision: classes.map(({ precision }) => precision),
        thresholds: classes.map(({ threshold }) => threshold),
        areThresholdsFitted: given === undefined,
      },
    };
  }

  #classResult(index: number, given: number | undefined) {
    const { logits, truth } = this.#column(index);
    const probabilities = Float64Array.from(logits, sigmoid);
    const threshold = given ?? bestThreshold({ scores: probabilities, truth }, 0)?.threshold ?? 0.5;
    let [support, predicted, correct, loss] = [0, 0, 0, 0];
    for (const [image, probability] of probabilities.entries()) {
      const has = truth[image]!;
      const isPredicted = probability >= threshold;
      support += has;
      if (isPredicted) predicted++;
      if (isPredicted && has === 1) correct++;
      loss += binaryCost(logits[image]!, has);
    }
    // Ranked by logits: large ones have the same probability.
    return { precision: averagePrecision({ scores: logits, truth }), threshold, score: classScore(support, predicted, correct), loss };
  }

  #column(index: number): { readonly logits: Float64Array; readonly truth: Uint8Array } {
    const { numClasses } = this.#options;
    const logits = new Float64Array(this.#images);
    const truth = new Uint8Array(this.#images);
    let to = 0;
    for (const [batch, rows] of this.#logits.entries()) {
      for (let at = index; at < rows.length; at += numClasses) {
        logits[to] = rows[at]!;
        truth[to++] = this.#truth[batch]![at]!;
      }
    }
    return { logits, truth };
  }

  #topScores(): Pick<Evaluation, "top1" | "top5"> {
    const { numClasses } = this.#options;
    let [images, top1, top5] = [0, 0, 0];
    for (const [batch, rows] of this.#logits.entries()) {
      for (let offset = 0; offset < rows.length; offset += numClasses) {
        let best = Number.POSITIVE_INFINITY;
        for (let label = 0; label < numClasses; label++) {
          if (this.#truth[batch]![offset + label] === 1) best = Math.min(best, rankOf(label, rows, offset, numClasses));
        }
        if (best === Number.POSITIVE_INFINITY) continue;
        images++;
        if (best < 1) top1++;
        if (best < 5) top5++;
      }
    }
    return { top1: top1 / images, top5: top5 / images };
  }
}

/** Sigmoid cross-entropy max(x, 0) − x q + ln(1 + exp(−|x|)), in nats. */
function binaryCost(logit: number, target: number): number {
  return Math.max(logit, 0) - logit * target + Math.log1p(Math.exp(-Math.abs(logit)));
}
