import type { OpCase } from "./op-case.js";

export const cases: readonly OpCase<"dequantizeLinear">[] = [
  {
    name: "activations",
    inputs: [{ shape: ["N", 3, 5, 7], low: 0, high: 256, dtype: "uint8" }],
    attributes: { scales: [0.023], zeroPoint: 131, axis: 0 },
  },
  {
    name: "a kernel, one scale per output channel",
    inputs: [{ shape: [5, 3, 1, 3], low: -127, high: 128, dtype: "int8" }],
    attributes: { scales: [0.1, 0.02, 0.003, 0.0004, 0.00005], zeroPoint: 0, axis: 0 },
  },
  {
    name: "scales on the second axis",
    inputs: [{ shape: ["N", 3, 5], low: -128, high: 128, dtype: "int8" }],
    attributes: { scales: [0.1, 0.02, 0.003], zeroPoint: -7, axis: 1 },
  },
  {
    name: "biases",
    inputs: [{ shape: [3], low: -70000, high: 70000, dtype: "int32" }],
    attributes: { scales: [0.00001, 0.00002, 0.000003], zeroPoint: 0, axis: 0 },
  },
];
