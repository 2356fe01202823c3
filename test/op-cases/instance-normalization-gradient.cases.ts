import { type OpCase, shapes } from "./op-case.js";

export const cases: readonly OpCase<"instanceNormalizationGradient">[] = [
  { name: "maps", inputs: shapes(["N", 3, 5, 2], ["N", 3, 5, 2], [3]), attributes: { epsilon: 1e-3 } },
  { name: "volumes", inputs: shapes(["N", 2, 3, 1, 4], ["N", 2, 3, 1, 4], [2]), attributes: { epsilon: 1e-3 } },
];
