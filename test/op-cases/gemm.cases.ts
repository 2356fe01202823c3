import { type OpCase, shapes } from "./op-case.js";

export const cases: readonly OpCase<"gemm">[] = [
  { name: "with bias", inputs: shapes(["N", 5], [4, 5], [4]), attributes: {} },
  { name: "without bias", inputs: shapes(["N", 7], [3, 7]), attributes: {} },
  { name: "one feature, one output", inputs: shapes(["N", 1], [1, 1], [1]), attributes: {} },
];
