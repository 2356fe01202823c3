import { randomStream } from "../data/index.js";
import { InceptionError } from "../errors.js";

/** An inception score: mean and deviation over the splits. */
export interface InceptionScore {
  readonly value: number;
  /** Standard deviation (divisor: the number of splits, as in the original) of the splits' scores. */
  readonly deviation: number;
  readonly splits: number;
}

/** What one split's images have said: how many, Σ p·log p over all, and Σ p of each class. */
interface Split {
  count: number;
  information: number;
  readonly probabilities: Float64Array;
}

/**
 * The inception score, exp of the mean of KL(p(y|x) ‖ p(y)), from logits in a stream: the mean divergence of a split is
 * its mean of Σ p·log p less that of its mean distribution, so no logits are kept.
 * Source: Salimans et al., "Improved techniques for training GANs", arXiv:1606.03498, and their code (openai/improved-gan). They leave the bias of the last layer out and
 * use its 1008 outputs; so do torch-fidelity ("logits_unbiased") and StyleGAN's metrics. Which logits are given decides.
 *
 * Images are dealt to the splits at random, as torch-fidelity does, since a folder that is sorted by class has splits of few classes.
 *
 * @example
 * ```ts
 * import { InceptionScoreAccumulator } from "inceptionkit/frechet";
 * const score = new InceptionScoreAccumulator({ images: 2, classes: 2, splits: 1 });
 * score.add(0, [100, 0]);
 * score.add(1, [0, 100]);
 * score.finish().value; // 2: each image sure of its class, all classes there
 * ```
 */
export class InceptionScoreAccumulator {
  readonly #splits: readonly Split[];
  readonly #splitOf: Uint16Array;
  readonly #classes: number;

  /**
   * @param images - how many there are; each is added once, in any order
   * @param classes - logits of an image
   * @param splits - 1 to 1000, and at most `images`; default 10
   * @param seed - which image belongs to which split; default 0
   * @throws InceptionError OPTION_INVALID
   */
  constructor({ images, classes, splits = 10, seed = 0 }: { images: number; classes: number; splits?: number; seed?: number }) {
    if (!(Number.isSafeInteger(splits) && splits >= 1 && splits <= Math.min(1000, images))) {
      const law = `expected an integer from 1 to 1,000, at most the number of images, ${images}`;
      throw new InceptionError("OPTION_INVALID", `Cannot compute an Inception Score over ${splits} splits: ${law}`, { splits, images });
    }
    this.#classes = classes;
    this.#splits = Array.from({ length: splits }, () => ({ count: 0, information: 0, probabilities: new Float64Array(classes) }));
    this.#splitOf = new Uint16Array(images);
    const order = randomStream({ seed, purpose: "inception score" }).permutation(images);
    for (const [place, image] of order.entries()) this.#splitOf[image] = Math.floor((place * splits) / images);
  }

  /**
   * @param image - its index, 0 to images - 1
   * @throws InceptionError OPTION_INVALID for logits of another length or not finite
   */
  add(image: number, logits: ArrayLike<number>): void {
    const split = this.#splits[this.#splitOf[image] ?? -1];
    const row = Float64Array.from(logits);
    if (split === undefined || row.length !== this.#classes || !row.every(Number.isFinite)) {
      const law = `expected ${this.#classes} finite numbers for an image of 0 to ${this.#splitOf.length - 1}`;
      throw new InceptionError("OPTION_INVALID", `Cannot add ${row.length} logits of image ${image}: ${law}`, { image });
    }
    const largest = row.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);
    const total = row.reduce((sum, value) => sum + Math.exp(value - largest), 0);
    for (const [index, value] of row.entries()) {
      const log = value - largest - Math.log(total);
      const probability = Math.exp(log);
      split.probabilities[index] = split.probabilities[index]! + probability;
      split.information += probability * log;
    }
    split.count++;
  }

  /**
   * The score of what was added; splits without images are left out.
   *
   * @throws InceptionError OPTION_INVALID where nothing was added
   */
  finish(): InceptionScore {
    const scores = this.#splits.filter(({ count }) => count > 0).map(scoreOf);
    if (scores.length === 0) throw new InceptionError("OPTION_INVALID", "Cannot compute an Inception Score of 0 images", {});
    const value = scores.reduce((sum, score) => sum + score, 0) / scores.length;
    const variance = scores.reduce((sum, score) => sum + (score - value) ** 2, 0) / scores.length;
    return { value, deviation: Math.sqrt(variance), splits: scores.length };
  }
}

function scoreOf({ count, information, probabilities }: Split): number {
  const ofMean = probabilities.reduce((sum, total) => (total > 0 ? sum + (total / count) * Math.log(total / count) : sum), 0);
  return Math.exp(information / count - ofMean);
}
