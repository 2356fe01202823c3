import { type OpCase, shapes } from "./op-case.js";

export const cases: readonly OpCase<"pow">[] = [
  { name: "square of any sign", inputs: shapes(["N", 9]), attributes: { exponent: 2 } },
  { name: "cube of any sign", inputs: shapes(["N", 3, 5]), attributes: { exponent: 3 } },
  { name: "reciprocal", inputs: [{ shape: ["N", 7], low: 0.5, high: 3 }], attributes: { exponent: -1 } },
  { name: "a broken exponent", inputs: [{ shape: ["N", 3, 3, 5], low: 0.2, high: 2 }], attributes: { exponent: -0.75 } },
  { name: "1", inputs: shapes(["N", 5]), attributes: { exponent: 1 } },
];
