import { type OpCase, shapes } from "./op-case.js";

export const cases: readonly OpCase<"reluGradient">[] = [
  { name: "vectors", inputs: shapes(["N", 9], ["N", 9]), attributes: {} },
  { name: "maps", inputs: shapes(["N", 3, 5, 2], ["N", 3, 5, 2]), attributes: {} },
  {
    name: "the smallest numbers that pass whole",
    inputs: [{ shape: ["N", 9], low: 1.1e-30, high: 3e-30 }, { shape: ["N", 9] }],
    attributes: {},
  },
  { name: "zeros", inputs: [{ shape: ["N", 9], low: 0, high: 0 }, { shape: ["N", 9] }], attributes: {} },
];
