import { randomStream } from "../data/random.js";
import { InceptionError } from "../errors.js";
import { at } from "../tensor/at.js";
import { checkLogits, type LabeledLogits } from "./labeled-logits.js";
import { type ImageQuality, imageQualities } from "./quality.js";
import { boundedTemperature } from "./temperature.js";

/** Parts of the images, each of which is scored with what the others gave. */
export const FOLDS = 5;

/**
 * Cross-fitting: the images are split into 5 folds at random, and each fold is measured with the temperature of the other 4. No image
 * takes part in the fit of what it is measured with, so that the measures are those of new images.
 *
 * @returns the measures of the images in their order, the temperature of each fold, and how many of these the images of the other
 *   folds did not determine (see `boundedTemperature`)
 * @throws InceptionError as `checkLogits`; DATASET_INVALID for fewer than 10 images
 */
export function crossFit(
  data: LabeledLogits,
  seed: number,
): { readonly images: readonly ImageQuality[]; readonly temperatures: readonly number[]; readonly undetermined: number } {
  checkLogits(data);
  const count = data.logits.length;
  if (count < 2 * FOLDS) {
    const message = `Cannot evaluate calibration on ${count} images: expected at least ${2 * FOLDS}, 2 for each of ${FOLDS} folds`;
    throw new InceptionError("DATASET_INVALID", message, { count });
  }
  const folds = foldsOf(count, seed);
  const images = new Map<number, ImageQuality>();
  let undetermined = 0;
  const temperatures = folds.map((fold) => {
    const { temperature, isDetermined } = boundedTemperature(chosen(data, folds.filter((other) => other !== fold).flat()));
    if (!isDetermined) undetermined++;
    for (const [k, quality] of imageQualities(chosen(data, fold), temperature).entries()) images.set(at(fold, k), quality);
    return temperature;
  });
  return { images: [...images].toSorted(([a], [b]) => a - b).map(([, quality]) => quality), temperatures, undetermined };
}

/** The indices of the images of each fold. */
export function foldsOf(count: number, seed: number): readonly (readonly number[])[] {
  const order = Array.from(randomStream({ seed, purpose: "calibration folds" }).permutation(count));
  return Array.from({ length: FOLDS }, (_, fold) => order.filter((_index, place) => place % FOLDS === fold));
}

function chosen({ logits, labels }: LabeledLogits, indices: readonly number[]): LabeledLogits {
  return { logits: indices.map((index) => at(logits, index)), labels: indices.map((index) => at(labels, index)) };
}
