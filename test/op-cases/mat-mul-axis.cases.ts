import { type OpCase, shapes } from "./op-case.js";

export const cases: readonly OpCase<"matMulAxis">[] = [
  { name: "last axis", inputs: shapes(["N", 2, 3]), attributes: { axis: 2, rows: 2, matrix: [1, -2, 0.5, 0, 3, 1] } },
  {
    name: "the axis before",
    inputs: shapes(["N", 2, 3, 5]),
    attributes: { axis: 2, rows: 4, matrix: [1, 2, 3, 0.5, 0, 0, 0, -1, 0, 0.25, 0.5, 0.25] },
  },
  { name: "channels of volumes", inputs: shapes(["N", 3, 2, 1, 5]), attributes: { axis: 1, rows: 1, matrix: [0.5, -0.25, 2] } },
  {
    name: "first of three spatial axes",
    inputs: shapes(["N", 2, 2, 3, 5]),
    attributes: { axis: 2, rows: 3, matrix: [1, 0, 0.5, 0.5, 0, 1] },
  },
  { name: "first axis", inputs: shapes([2, 3, 5]), attributes: { axis: 0, rows: 3, matrix: [1, 2, 3, 4, 5, 6] } },
  { name: "a vector", inputs: shapes([3]), attributes: { axis: 0, rows: 2, matrix: [1, 2, 3, 4, 5, 6] } },
];
