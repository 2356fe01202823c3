import { type OpCase, shapes } from "./op-case.js";

export const cases: readonly OpCase<"pRelu">[] = [
  { name: "one slope per channel", inputs: shapes(["N", 3, 5, 2], [3, 1, 1]), attributes: {} },
  { name: "one slope", inputs: shapes(["N", 7], [1]), attributes: {} },
  { name: "a slope for each element", inputs: shapes(["N", 3, 5], [3, 5]), attributes: {} },
  { name: "volumes", inputs: shapes(["N", 3, 2, 1, 5], [1, 3, 1, 1, 1]), attributes: {} },
];
