import { type OpCase, shapes } from "./op-case.js";

export const cases: readonly OpCase<"instanceNormalization">[] = [
  { name: "maps", inputs: shapes(["N", 3, 5, 2], [3], [3]), attributes: { epsilon: 1e-3 } },
  { name: "volumes", inputs: shapes(["N", 2, 3, 1, 4], [2], [2]), attributes: { epsilon: 1e-5 } },
  { name: "an epsilon larger than the variances", inputs: shapes(["N", 2, 3, 3], [2], [2]), attributes: { epsilon: 2 } },
];
