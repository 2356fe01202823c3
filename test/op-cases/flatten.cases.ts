import { type OpCase, shapes } from "./op-case.js";

export const cases: readonly OpCase<"flatten">[] = [
  { name: "pooled maps", inputs: shapes(["N", 5, 1, 1]), attributes: {} },
  { name: "maps", inputs: shapes(["N", 2, 3, 5]), attributes: {} },
  { name: "volumes", inputs: shapes(["N", 2, 3, 1, 4]), attributes: {} },
  { name: "vectors", inputs: shapes(["N", 4]), attributes: {} },
];
