import { type OpCase, shapes } from "./op-case.js";

export const cases: readonly OpCase<"matMul">[] = [
  { name: "plain", inputs: shapes(["N", 5], [5, 3]), attributes: { transposeA: false, transposeB: false } },
  { name: "b transposed", inputs: shapes(["N", 3, 5], [7, 5]), attributes: { transposeA: false, transposeB: true } },
  { name: "a transposed, batched", inputs: shapes(["N", 5, 3], ["N", 5, 2]), attributes: { transposeA: true, transposeB: false } },
  {
    name: "both transposed, four axes",
    inputs: shapes(["N", 2, 5, 3], ["N", 2, 7, 5]),
    attributes: { transposeA: true, transposeB: true },
  },
  { name: "leading axes broadcast", inputs: shapes([3, 1, 2, 5], [4, 5, 3]), attributes: { transposeA: false, transposeB: false } },
  { name: "both broadcast and transposed", inputs: shapes([3, 1, 5, 2], [1, 4, 3, 5]), attributes: { transposeA: true, transposeB: true } },
  { name: "a matrix from the left", inputs: shapes([7, 5], ["N", 5, 3]), attributes: { transposeA: false, transposeB: false } },
];
