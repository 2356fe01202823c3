import { expect, test } from "vitest";
import { segmentation } from "./segmentation.js";

test("Dice is the mean over patches, by class; a class that is nowhere does not count", () => {
  const measurement = segmentation(3, [1, 1, 4]).measurement();
  // [classes, voxels] of two patches: answers 0 1 1 2 and 0 0 0 0.
  const logits = (answers: readonly number[]) => [0, 1, 2].flatMap((label) => answers.map((answer) => (answer === label ? 2 : 0)));
  measurement.update(
    { images: new Float32Array(8), count: 2, labels: Int32Array.of(0, 1, 2, 2, 0, 0, 1, 0) },
    Float32Array.from([...logits([0, 1, 1, 2]), ...logits([0, 0, 0, 0])]),
  );
  measurement.update({ images: new Float32Array(4), count: 1, labels: Int32Array.of(0, 0, 0, 1) }, Float32Array.from(logits([0, 0, 0, 1])));
  const { patches, loss, dice } = measurement.result();
  expect(patches).toBe(3);
  // Class 1: 2·1/(2+1), 0/(0+1), 2·1/(1+1); class 2: 2·1/(1+2), and nothing in the others.
  expect(dice[0]).toBeCloseTo((2 / 3 + 0 + 1) / 3, 12);
  expect(dice[1]).toBeCloseTo(2 / 3, 12);
  // Two of twelve voxels have logit 0 instead of 2.
  const right = Math.log(1 + 2 * Math.exp(-2));
  expect(loss).toBeCloseTo((12 * right + 2 * 2) / 12, 6);
});

test("of equal logits the first class is the answer; logits of another size are refused", () => {
  const task = segmentation(2, [1, 1, 2]);
  const equal = task.measurement();
  const batch = { images: new Float32Array(2), count: 1, labels: Int32Array.of(0, 1) };
  equal.update(batch, new Float32Array(4));
  expect(equal.result().dice).toEqual([0]);
  expect(() => equal.update(batch, new Float32Array(6))).toThrow(
    expect.objectContaining({
      code: "SHAPE_INVALID",
      message: "Cannot evaluate a batch: it has 6 logits for 2 voxels, expected 2 for each",
    }),
  );
  expect(task.targets(batch)).toEqual({ labels: { dtype: "int32", shape: [1, 1, 1, 2], data: batch.labels } });
  expect(task.scores(null)).toEqual({ loss: null, top1: null, top5: null });
});
