import { type OpCase, shapes } from "./op-case.js";

export const cases: readonly OpCase<"relu">[] = [
  { name: "vectors", inputs: shapes(["N", 9]), attributes: {} },
  { name: "maps", inputs: shapes(["N", 3, 5, 2]), attributes: {} },
  { name: "volumes", inputs: shapes(["N", 2, 3, 1, 4]), attributes: {} },
];
