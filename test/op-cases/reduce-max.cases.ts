import { type OpCase, shapes } from "./op-case.js";

export const cases: readonly OpCase<"reduceMax">[] = [
  { name: "channels, kept", inputs: shapes(["N", 3, 5, 2]), attributes: { axes: [1], keepDims: true } },
  { name: "everything", inputs: shapes([3, 5]), attributes: { axes: [0, 1], keepDims: false } },
  { name: "negative numbers alone", inputs: [{ shape: ["N", 7], low: -3, high: -1 }], attributes: { axes: [1], keepDims: false } },
];
