import { type OpCase, shapes } from "./op-case.js";

export const cases: readonly OpCase<"sum">[] = [
  { name: "one summand", inputs: shapes(["N", 5]), attributes: {} },
  { name: "two", inputs: shapes(["N", 3, 5], ["N", 3, 5]), attributes: {} },
  { name: "four, volumes", inputs: shapes(["N", 2, 3, 1, 5], ["N", 2, 3, 1, 5], ["N", 2, 3, 1, 5], ["N", 2, 3, 1, 5]), attributes: {} },
];
