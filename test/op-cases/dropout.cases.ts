import { type OpCase, shapes } from "./op-case.js";

export const cases: readonly OpCase<"dropout">[] = [
  { name: "features", inputs: shapes(["N", 7]), attributes: { dropRate: 0.4 } },
  { name: "maps, rate 0", inputs: shapes(["N", 2, 3, 5]), attributes: { dropRate: 0 } },
];
