import { type OpCase, shapes } from "./op-case.js";

export const cases: readonly OpCase<"reshape">[] = [
  { name: "kept batch, the rest", inputs: shapes(["N", 3, 5, 2]), attributes: { shape: [0, -1] } },
  { name: "channels in groups", inputs: shapes(["N", 6, 5]), attributes: { shape: [0, 2, 3, 5] } },
  { name: "everything in one row", inputs: shapes([3, 5, 2]), attributes: { shape: [-1] } },
  { name: "to a scalar", inputs: shapes([1, 1]), attributes: { shape: [] } },
  { name: "all sizes", inputs: shapes([3, 5, 2]), attributes: { shape: [5, 1, 6] } },
];
