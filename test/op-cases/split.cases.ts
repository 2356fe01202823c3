import { type OpCase, shapes } from "./op-case.js";

export const cases: readonly OpCase<"split">[] = [
  { name: "channels", inputs: shapes(["N", 6, 5, 2]), attributes: { axis: 1, sizes: [3, 1, 2] } },
  { name: "last axis", inputs: shapes(["N", 2, 7]), attributes: { axis: 2, sizes: [5, 2] } },
  { name: "one part", inputs: shapes(["N", 3]), attributes: { axis: 1, sizes: [3] } },
  { name: "the batch", inputs: shapes([5, 3]), attributes: { axis: 0, sizes: [1, 4] } },
  {
    name: "more than a shader can write",
    inputs: shapes([2, 119]),
    attributes: {
      axis: 1,
      sizes: Array.from({ length: 60 }, (_, part) => 1 + (part % 3)).map((size, part) => (part === 59 ? size - 1 : size)),
    },
  },
];
