import { type OpCase, shapes } from "./op-case.js";

export const cases: readonly OpCase<"reduceSum">[] = [
  { name: "channels and rows, left out", inputs: shapes(["N", 3, 5, 2]), attributes: { axes: [1, 2], keepDims: false } },
  { name: "the batch too, kept", inputs: shapes(["N", 3, 5]), attributes: { axes: [0, 2], keepDims: true } },
  { name: "everything", inputs: shapes([3, 5, 2]), attributes: { axes: [0, 1, 2], keepDims: false } },
  { name: "volumes", inputs: shapes(["N", 3, 2, 1, 5]), attributes: { axes: [2, 3, 4], keepDims: true } },
];
