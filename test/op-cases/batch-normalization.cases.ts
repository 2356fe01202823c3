import type { Shape } from "../../src/tensor/shape.js";
import type { CaseInput, OpCase } from "./op-case.js";

export const cases: readonly OpCase<"batchNormalization">[] = [
  { name: "maps", inputs: normalized(["N", 3, 5, 2]), attributes: { epsilon: 1e-3 } },
  { name: "volumes", inputs: normalized(["N", 2, 3, 1, 4]), attributes: { epsilon: 1e-5 } },
  { name: "vectors", inputs: normalized(["N", 4]), attributes: { epsilon: 1e-3 } },
  { name: "an epsilon larger than the variances", inputs: normalized(["N", 2, 3, 3]), attributes: { epsilon: 2 } },
];

/** x, scale, shift, mean and a variance that is positive. */
function normalized(shape: Shape): readonly CaseInput[] {
  const channels = [Number(shape[1])];
  return [{ shape }, { shape: channels }, { shape: channels }, { shape: channels }, { shape: channels, low: 0.1, high: 1.5 }];
}
