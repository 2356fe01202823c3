import { type OpCase, shapes } from "./op-case.js";

export const cases: readonly OpCase<"scale">[] = [
  { name: "residual", inputs: shapes(["N", 3, 5, 2]), attributes: { factor: 0.17 } },
  { name: "negative factor, volumes", inputs: shapes(["N", 1, 2, 3, 2]), attributes: { factor: -2.5 } },
  { name: "factor 0", inputs: shapes(["N", 5]), attributes: { factor: 0 } },
];
