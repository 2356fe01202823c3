import { InceptionError } from "../errors.js";
import { at } from "../tensor/at.js";
import { formatCount } from "../text.js";

/** What a classifier computed for images whose classes are known. */
export interface LabeledLogits {
  /** One row for each image, all of the same length. */
  readonly logits: readonly ArrayLike<number>[];
  /** Index of the class of each image. */
  readonly labels: readonly number[];
}

/**
 * Returns the number of classes.
 *
 * @throws InceptionError DATASET_INVALID for no images, fewer than two classes, rows of different lengths and labels that are no class;
 *   NOT_FINITE for NaN or infinity
 */
export function checkLogits({ logits, labels }: LabeledLogits): number {
  const classes = logits[0]?.length ?? 0;
  const refuse = (fact: string): InceptionError => new InceptionError("DATASET_INVALID", `Cannot calibrate on these images: ${fact}`);
  if (logits.length === 0) throw refuse("there are 0 images, expected at least 1");
  if (logits.length !== labels.length) {
    throw refuse(`there are ${formatCount(logits.length)} images and ${formatCount(labels.length)} labels`);
  }
  if (classes < 2) throw refuse(`the model has ${classes} classes, expected at least 2`);
  for (const [index, row] of logits.entries()) {
    if (row.length !== classes) throw refuse(`image ${index} has ${row.length} logits, expected ${classes}`);
    const label = at(labels, index);
    if (!Number.isInteger(label) || label < 0 || label >= classes) {
      throw refuse(`image ${index} has label ${label}, expected an integer from 0 to ${classes - 1}`);
    }
    if (!Array.from(row).every(Number.isFinite)) {
      throw new InceptionError("NOT_FINITE", `Cannot calibrate on these images: the logits of image ${index} contain NaN or infinity`, {
        index,
      });
    }
  }
  return classes;
}
