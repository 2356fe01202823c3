import { type OpCase, shapes } from "./op-case.js";

export const cases: readonly OpCase<"adaptiveAveragePool">[] = [
  { name: "windows that overlap", inputs: shapes(["N", 2, 14, 13]), attributes: { outputShape: [4, 4] } },
  { name: "sizes that divide", inputs: shapes(["N", 3, 6, 4]), attributes: { outputShape: [3, 2] } },
  { name: "unequal sides", inputs: shapes(["N", 1, 7, 3]), attributes: { outputShape: [5, 1] } },
  { name: "more cells than pixels", inputs: shapes(["N", 2, 3, 1]), attributes: { outputShape: [4, 5] } },
];
