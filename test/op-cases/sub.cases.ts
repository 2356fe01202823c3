import { type OpCase, shapes } from "./op-case.js";

export const cases: readonly OpCase<"sub">[] = [
  { name: "equal shapes", inputs: shapes(["N", 3, 5, 2], ["N", 3, 5, 2]), attributes: {} },
  { name: "a vector per channel", inputs: shapes(["N", 3, 5, 2], [3, 1, 1]), attributes: {} },
  { name: "a scalar on the left", inputs: shapes([], ["N", 7]), attributes: {} },
  { name: "each copies the other", inputs: shapes([3, 1, 5], [2, 1]), attributes: {} },
  { name: "one number per image", inputs: shapes(["N", 3, 2], ["N", 1, 1]), attributes: {} },
];
