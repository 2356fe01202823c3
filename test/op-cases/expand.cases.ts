import { type OpCase, shapes } from "./op-case.js";

export const cases: readonly OpCase<"expand">[] = [
  { name: "maps of one element, as a tile", inputs: shapes(["N", 3, 1, 1]), attributes: { shape: [1, 1, 5, 2] } },
  { name: "new axes", inputs: shapes([3, 1]), attributes: { shape: [2, 1, 5] } },
  { name: "a scalar", inputs: shapes([]), attributes: { shape: [3, 5] } },
  { name: "nothing to copy", inputs: shapes(["N", 3]), attributes: { shape: [1, 3] } },
  { name: "shorter than x", inputs: shapes(["N", 3, 1]), attributes: { shape: [5] } },
];
