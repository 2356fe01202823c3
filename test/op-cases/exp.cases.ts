import { type OpCase, shapes } from "./op-case.js";

export const cases: readonly OpCase<"exp">[] = [
  { name: "vectors", inputs: [{ shape: ["N", 9], low: -3, high: 2 }], attributes: {} },
  { name: "maps", inputs: shapes(["N", 3, 5, 2]), attributes: {} },
];
