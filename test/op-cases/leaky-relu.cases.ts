import { type OpCase, shapes } from "./op-case.js";

export const cases: readonly OpCase<"leakyRelu">[] = [
  { name: "vectors", inputs: shapes(["N", 9]), attributes: { alpha: 0.01 } },
  { name: "maps, steep", inputs: shapes(["N", 3, 5, 2]), attributes: { alpha: 1.5 } },
  { name: "alpha 0", inputs: shapes(["N", 7]), attributes: { alpha: 0 } },
];
