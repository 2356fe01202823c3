import type { OpCase } from "./op-case.js";

export const cases: readonly OpCase<"div">[] = [
  { name: "equal shapes", inputs: [{ shape: ["N", 3, 5, 2] }, { shape: ["N", 3, 5, 2], low: 0.5, high: 2 }], attributes: {} },
  { name: "a vector per channel", inputs: [{ shape: ["N", 3, 5, 2] }, { shape: [3, 1, 1], low: -2, high: -0.5 }], attributes: {} },
  { name: "a scalar on the left", inputs: [{ shape: [] }, { shape: ["N", 7], low: 0.5, high: 2 }], attributes: {} },
  { name: "each copies the other", inputs: [{ shape: [3, 1, 5] }, { shape: [2, 1], low: 1, high: 3 }], attributes: {} },
];
