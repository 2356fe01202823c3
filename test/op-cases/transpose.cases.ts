import { type OpCase, shapes } from "./op-case.js";

export const cases: readonly OpCase<"transpose">[] = [
  { name: "batch behind the channels", inputs: shapes(["N", 3, 5, 2]), attributes: { perm: [1, 0, 2, 3] } },
  { name: "a cycle that is not its own inverse", inputs: shapes(["N", 3, 5, 2]), attributes: { perm: [2, 0, 3, 1] } },
  { name: "nothing moves", inputs: shapes(["N", 3]), attributes: { perm: [0, 1] } },
  { name: "a scalar", inputs: shapes([]), attributes: { perm: [] } },
];
