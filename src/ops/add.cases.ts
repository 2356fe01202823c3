import { type OpCase, shapes } from "./op.cases.js";

export const cases: readonly OpCase<"add">[] = [
  { name: "vectors", inputs: shapes(["N", 7], ["N", 7]), attributes: {} },
  { name: "maps", inputs: shapes(["N", 3, 5, 2], ["N", 3, 5, 2]), attributes: {} },
  { name: "volumes", inputs: shapes(["N", 2, 3, 1, 4], ["N", 2, 3, 1, 4]), attributes: {} },
];
