import { type OpCase, shapes } from "./op-case.js";

export const cases: readonly OpCase<"batchNormalizationTraining">[] = [
  { name: "maps", inputs: shapes(["N", 3, 5, 2], [3], [3]), attributes: { epsilon: 1e-3 } },
  { name: "volumes", inputs: shapes(["N", 2, 3, 1, 4], [2], [2]), attributes: { epsilon: 1e-5 } },
  { name: "vectors", inputs: shapes([5, 4], [4], [4]), attributes: { epsilon: 1e-3 } },
  { name: "one image", inputs: shapes([1, 2, 3, 5], [2], [2]), attributes: { epsilon: 1e-3 } },
  { name: "one channel", inputs: shapes(["N", 1, 2, 3], [1], [1]), attributes: { epsilon: 1e-3 } },
  { name: "an epsilon larger than the variances", inputs: shapes(["N", 2, 3, 3], [2], [2]), attributes: { epsilon: 2 } },
];
