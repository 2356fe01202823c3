import { type OpCase, shapes } from "./op-case.js";

export const cases: readonly OpCase<"clip">[] = [
  { name: "both bounds", inputs: shapes(["N", 3, 5, 3]), attributes: { min: -0.37, max: 0.61 } },
  { name: "bounds outside", inputs: shapes(["N", 7]), attributes: { min: -3, max: 1e30 } },
  { name: "everything below the minimum", inputs: shapes(["N", 7]), attributes: { min: 2, max: 3 } },
];
