import type { OpCase } from "./op-case.js";

export const cases: readonly OpCase<"sqrt">[] = [
  { name: "vectors", inputs: [{ shape: ["N", 9], low: 0.1, high: 3 }], attributes: {} },
  { name: "volumes", inputs: [{ shape: ["N", 2, 3, 1, 5], low: 0.5, high: 9 }], attributes: {} },
];
