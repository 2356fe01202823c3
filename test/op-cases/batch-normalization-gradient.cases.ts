import type { CaseInput, OpCase } from "./op-case.js";

export const cases: readonly OpCase<"batchNormalizationGradient">[] = [
  { name: "maps", inputs: normalized([3, 3, 5, 2]), attributes: { epsilon: 1e-3, affine: true } },
  { name: "maps, x alone", inputs: normalized([3, 3, 5, 2]), attributes: { epsilon: 1e-3, affine: false } },
  { name: "volumes", inputs: normalized([2, 2, 3, 1, 4]), attributes: { epsilon: 1e-5, affine: true } },
  { name: "vectors", inputs: normalized([5, 4]), attributes: { epsilon: 1e-3, affine: true } },
];

/** x, dy, scale, mean and a variance that is positive. */
function normalized(shape: readonly number[]): readonly CaseInput[] {
  const channels = [Number(shape[1])];
  return [{ shape }, { shape }, { shape: channels }, { shape: channels }, { shape: channels, low: 0.3, high: 1.5 }];
}
