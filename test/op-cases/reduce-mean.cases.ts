import { type OpCase, shapes } from "./op-case.js";

export const cases: readonly OpCase<"reduceMean">[] = [
  { name: "maps, kept", inputs: shapes(["N", 3, 5, 2]), attributes: { axes: [2, 3], keepDims: true } },
  { name: "first and last axis", inputs: shapes([3, 2, 5]), attributes: { axes: [0, 2], keepDims: false } },
  { name: "one element", inputs: shapes(["N", 1, 5]), attributes: { axes: [1], keepDims: false } },
];
