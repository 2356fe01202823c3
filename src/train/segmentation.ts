import { InceptionError } from "../errors.js";
import type { LearningTask, TrainingBatch } from "./task.js";

/** Patches of volumes that train or are measured together. */
export interface VolumeBatch extends TrainingBatch {
  /** [count, channels, z, y, x], x fastest. */
  readonly images: Float32Array;
  /** Class of each voxel, [count, z, y, x]. */
  readonly labels: Int32Array;
}

/** Evaluation of a network on validation patches. */
export interface PatchEvaluation {
  readonly patches: number;
  /** Mean cross-entropy of a voxel, in nats. */
  readonly loss: number;
  /**
   * Of each class but the background, the mean over the patches of 2 · |both| / (|predicted| + |true|); a patch that has none of
   * a class, and of which none was predicted, does not count for it. NaN where no patch counts.
   */
  readonly dice: readonly number[];
}

/**
 * A class for each voxel.
 *
 * Dice of patches is what training is followed by. What counts in the end is measured on whole volumes, at their own grid.
 *
 * @param numClasses - the background included
 * @param patch - voxels of a patch along z, y and x
 */
export function segmentation(numClasses: number, patch: readonly number[]): LearningTask<VolumeBatch, PatchEvaluation> {
  return {
    targets: ({ count, labels }) => ({ labels: { dtype: "int32", shape: [count, ...patch], data: labels } }),
    countsCorrect: false,
    correct: () => null,
    measurement: () => {
      const sums = new PatchSums(numClasses);
      return { update: ({ count, labels }, logits) => sums.update(count, labels, logits), result: () => sums.result() };
    },
    scores: (evaluation) => ({
      loss: evaluation?.loss ?? null,
      top1: null,
      top5: null,
      ...(evaluation === null ? {} : { dice: evaluation.dice }),
    }),
  };
}

class PatchSums {
  readonly #numClasses: number;
  /** Sums of Dice and how many patches count, by class. */
  readonly #dice: Float64Array;
  readonly #counted: Float64Array;
  #patches = 0;
  #loss = 0;
  #voxels = 0;

  constructor(numClasses: number) {
    this.#numClasses = numClasses;
    this.#dice = new Float64Array(numClasses);
    this.#counted = new Float64Array(numClasses);
  }

  update(count: number, labels: Int32Array, logits: Float32Array): void {
    const voxels = labels.length / count;
    if (logits.length !== labels.length * this.#numClasses) {
      throw new InceptionError(
        "SHAPE_INVALID",
        `Cannot evaluate a batch: it has ${logits.length} logits for ${labels.length} voxels, expected ${this.#numClasses} for each`,
        { logits: logits.length, labels: labels.length },
      );
    }
    for (let patch = 0; patch < count; patch++) {
      const own = labels.subarray(patch * voxels, (patch + 1) * voxels);
      this.#take(own, logits.subarray(patch * voxels * this.#numClasses, (patch + 1) * voxels * this.#numClasses));
    }
  }

  #take(labels: Int32Array, logits: Float32Array): void {
    const classes = this.#numClasses;
    const voxels = labels.length;
    const [both, sizes] = [new Float64Array(classes), new Float64Array(classes)];
    for (let voxel = 0; voxel < voxels; voxel++) {
      let best = 0;
      for (let c = 1; c < classes; c++) if (logits[c * voxels + voxel]! > logits[best * voxels + voxel]!) best = c;
      const label = labels[voxel]!;
      sizes[best]! += 1;
      sizes[label]! += 1;
      if (best === label) both[label]! += 1;
      const highest = logits[best * voxels + voxel]!;
      let sum = 0;
      for (let c = 0; c < classes; c++) sum += Math.exp(logits[c * voxels + voxel]! - highest);
      this.#loss += Math.log(sum) + highest - logits[label * voxels + voxel]!;
    }
    for (let c = 1; c < classes; c++) {
      if (sizes[c] === 0) continue;
      this.#dice[c]! += (2 * both[c]!) / sizes[c]!;
      this.#counted[c]! += 1;
    }
    this.#patches += 1;
    this.#voxels += voxels;
  }

  result(): PatchEvaluation {
    const dice = Array.from({ length: this.#numClasses - 1 }, (_, index) => this.#dice[index + 1]! / this.#counted[index + 1]!);
    return { patches: this.#patches, loss: this.#loss / this.#voxels, dice };
  }
}
