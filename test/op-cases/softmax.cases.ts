import { type OpCase, shapes } from "./op-case.js";

export const cases: readonly OpCase<"softmax">[] = [
  { name: "classes", inputs: [{ shape: ["N", 7], low: -5, high: 5 }], attributes: { axis: 1 } },
  { name: "channels of maps", inputs: [{ shape: ["N", 3, 5, 2], low: -3, high: 3 }], attributes: { axis: 1 } },
  { name: "one class", inputs: shapes(["N", 1]), attributes: { axis: 1 } },
  { name: "last axis of volumes", inputs: shapes(["N", 2, 3, 1, 5]), attributes: { axis: 4 } },
  { name: "numbers whose exponentials overflow", inputs: [{ shape: ["N", 5], low: 95, high: 99 }], attributes: { axis: 1 } },
];
