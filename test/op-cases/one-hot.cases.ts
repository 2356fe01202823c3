import type { OpCase } from "./op-case.js";

export const cases: readonly OpCase<"oneHot">[] = [
  { name: "classes", inputs: [{ shape: ["N"], low: 0, high: 5, dtype: "int64" }], attributes: { depth: 5, axis: 1 } },
  { name: "classes first", inputs: [{ shape: ["N"], low: 0, high: 5, dtype: "int32" }], attributes: { depth: 5, axis: 0 } },
  {
    name: "maps of labels, some outside",
    inputs: [{ shape: ["N", 3, 7], low: -2, high: 5, dtype: "int64" }],
    attributes: { depth: 3, axis: 1 },
  },
  {
    name: "volumes, 32 bits, some outside",
    inputs: [{ shape: [2, 3, 1, 5], low: -1, high: 4, dtype: "int32" }],
    attributes: { depth: 3, axis: 1 },
  },
  {
    name: "labels beyond 32 bits",
    inputs: [{ shape: [5], low: 4294967296, high: 4294967299, dtype: "int64" }],
    attributes: { depth: 3, axis: 1 },
  },
];
