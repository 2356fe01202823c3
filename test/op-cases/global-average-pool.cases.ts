import { type OpCase, shapes } from "./op-case.js";

export const cases: readonly OpCase<"globalAveragePool">[] = [
  { name: "maps", inputs: shapes(["N", 3, 5, 7]), attributes: {} },
  { name: "one pixel", inputs: shapes(["N", 2, 1, 1]), attributes: {} },
  { name: "volumes", inputs: shapes(["N", 2, 3, 1, 5]), attributes: {} },
];
