import type { OpCase } from "./op-case.js";

export const cases: readonly OpCase<"quantizeLinear">[] = [
  { name: "signed, cut at both ends", inputs: [{ shape: ["N", 3, 5, 7], low: -4, high: 4 }], attributes: { scale: 0.023, zeroPoint: 131 } },
  { name: "a rectified range", inputs: [{ shape: ["N", 3, 5], low: -1, high: 1 }], attributes: { scale: 0.0034, zeroPoint: 0 } },
  { name: "a range below 0", inputs: [{ shape: ["N", 7], low: -9, high: 1 }], attributes: { scale: 0.031, zeroPoint: 255 } },
  { name: "a scale of 2", inputs: [{ shape: ["N", 5, 3], low: -300, high: 300 }], attributes: { scale: 2, zeroPoint: 128 } },
];
