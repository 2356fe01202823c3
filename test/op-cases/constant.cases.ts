import type { OpCase } from "./op-case.js";

export const cases: readonly OpCase<"constant">[] = [
  { name: "scalar", inputs: [], attributes: { shape: [], values: [2.5] } },
  { name: "matrix", inputs: [], attributes: { shape: [2, 3], values: [1, -2, 3, 0, 0.5, 7] } },
  { name: "one value for all", inputs: [], attributes: { shape: [3, 1, 5], values: [-0.25] } },
];
