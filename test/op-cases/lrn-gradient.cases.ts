import { type OpCase, shapes } from "./op-case.js";

export const cases: readonly OpCase<"lrnGradient">[] = [
  { name: "odd size", inputs: shapes(["N", 7, 3, 2], ["N", 7, 3, 2]), attributes: { size: 5, alpha: 1, beta: 0.75, bias: 1 } },
  { name: "even size", inputs: shapes(["N", 6, 1, 3], ["N", 6, 1, 3]), attributes: { size: 4, alpha: 2, beta: 0.75, bias: 1 } },
  { name: "any power", inputs: shapes(["N", 6, 1, 3], ["N", 6, 1, 3]), attributes: { size: 3, alpha: 2, beta: 0.6, bias: 0.5 } },
  {
    name: "window wider than the channels",
    inputs: shapes(["N", 3, 2, 2], ["N", 3, 2, 2]),
    attributes: { size: 9, alpha: 3, beta: 1, bias: 2 },
  },
  { name: "volumes", inputs: shapes(["N", 5, 2, 1, 2], ["N", 5, 2, 1, 2]), attributes: { size: 3, alpha: 2, beta: 0.75, bias: 1 } },
];
