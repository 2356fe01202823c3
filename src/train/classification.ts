import type { Batch, Dataset } from "../data/batch.js";
import { float32Tensor } from "../tensor/tensor.js";
import { ClassificationMetrics, type Evaluation, topKCorrect } from "./metrics.js";
import type { LearningTask } from "./task.js";

/** Logits of the images that were measured, in their order, and the indices of their classes. */
interface MeasuredLogits {
  readonly logits: readonly Float32Array[];
  readonly labels: readonly number[];
}

/** An evaluation with what it was computed from. */
export interface MeasuredEvaluation extends Evaluation {
  /** Null above 16,777,216 logits. */
  readonly measured: MeasuredLogits | null;
}

/** 64 MB; 16,777 images of 1,000 classes. */
const MAX_LOGITS = 2 ** 24;

/**
 * One class for each image.
 *
 * @param training - whose classes count
 * @param validation - whose images are named in evaluations; null where none are measured
 * @param mixed - whether batches hold mixed images, which have no single class to be right about
 */
export function classification(training: Dataset, validation: Dataset | null, mixed: boolean): LearningTask<Batch, MeasuredEvaluation> {
  const numClasses = training.classes.length;
  return {
    targets: ({ count, targets }) => ({ targets: float32Tensor([count, numClasses], targets) }),
    countsCorrect: !mixed,
    correct: ({ labels }, logits) => (mixed ? null : topKCorrect(logits, labels, numClasses, 1)),
    measurement: () => {
      const metrics = new ClassificationMetrics({ numClasses, nameOf: validation?.nameOf ?? String });
      const kept: { readonly row: Float32Array; readonly label: number }[] = [];
      const mayKeep = (validation?.size ?? 0) * numClasses <= MAX_LOGITS;
      return {
        update: ({ labels, indices }, logits) => {
          metrics.update({ logits, labels, indices });
          if (!mayKeep) return;
          for (const [row, label] of Array.from(labels).entries())
            kept.push({ row: logits.slice(row * numClasses, (row + 1) * numClasses), label });
        },
        result: () => ({
          ...metrics.result(),
          measured: mayKeep ? { logits: kept.map(({ row }) => row), labels: kept.map(({ label }) => label) } : null,
        }),
      };
    },
    scores: (evaluation) => ({ loss: evaluation?.loss ?? null, top1: evaluation?.top1 ?? null, top5: evaluation?.top5 ?? null }),
  };
}
