import type { Batch, Dataset } from "../data/batch.js";
import { float32Tensor } from "../tensor/tensor.js";
import { ClassificationMetrics, type Evaluation, topKCorrect } from "./metrics.js";
import type { LearningTask } from "./task.js";

/**
 * One class for each image.
 *
 * @param training - whose classes count
 * @param validation - whose images are named in evaluations; null where none are measured
 * @param mixed - whether batches hold mixed images, which have no single class to be right about
 */
export function classification(training: Dataset, validation: Dataset | null, mixed: boolean): LearningTask<Batch, Evaluation> {
  const numClasses = training.classes.length;
  return {
    targets: ({ count, targets }) => ({ targets: float32Tensor([count, numClasses], targets) }),
    countsCorrect: !mixed,
    correct: ({ labels }, logits) => (mixed ? null : topKCorrect(logits, labels, numClasses, 1)),
    measurement: () => {
      const metrics = new ClassificationMetrics({ numClasses, nameOf: validation?.nameOf ?? String });
      return {
        update: ({ labels, indices }, logits) => metrics.update({ logits, labels, indices }),
        result: () => metrics.result(),
      };
    },
    scores: (evaluation) => ({ loss: evaluation?.loss ?? null, top1: evaluation?.top1 ?? null, top5: evaluation?.top5 ?? null }),
  };
}
