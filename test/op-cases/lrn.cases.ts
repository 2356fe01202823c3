import { type OpCase, shapes } from "./op-case.js";

// Large alphas: with GoogLeNet's 1e-4 a wrong window would hide in the rounding.
export const cases: readonly OpCase<"lrn">[] = [
  { name: "odd size", inputs: shapes(["N", 7, 3, 2]), attributes: { size: 5, alpha: 1, beta: 0.75, bias: 1 } },
  { name: "even size", inputs: shapes(["N", 6, 3, 2]), attributes: { size: 4, alpha: 1, beta: 0.75, bias: 1 } },
  { name: "even size, another power", inputs: shapes(["N", 6, 1, 2]), attributes: { size: 2, alpha: 2, beta: 0.6, bias: 1 } },
  { name: "volumes", inputs: shapes(["N", 5, 2, 1, 2]), attributes: { size: 3, alpha: 1, beta: 0.5, bias: 1 } },
  { name: "one row", inputs: shapes(["N", 6, 1, 3]), attributes: { size: 3, alpha: 2, beta: 0.5, bias: 0.5 } },
  { name: "window wider than the channels", inputs: shapes(["N", 3, 2, 2]), attributes: { size: 9, alpha: 3, beta: 1, bias: 2 } },
  { name: "one channel at a time", inputs: shapes(["N", 3, 2, 2]), attributes: { size: 1, alpha: 1, beta: 0.75, bias: 1 } },
  { name: "GoogLeNet's constants", inputs: shapes(["N", 8, 3, 5]), attributes: { size: 5, alpha: 1e-4, beta: 0.75, bias: 1 } },
];
