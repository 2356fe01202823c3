import { type OpCase, shapes } from "./op-case.js";

export const cases: readonly OpCase<"concat">[] = [
  { name: "channels of maps", inputs: shapes(["N", 1, 3, 5], ["N", 4, 3, 5], ["N", 2, 3, 5]), attributes: { axis: 1 } },
  { name: "one input", inputs: shapes(["N", 3, 2, 2]), attributes: { axis: 1 } },
  { name: "channels of volumes", inputs: shapes(["N", 2, 3, 1, 2], ["N", 1, 3, 1, 2]), attributes: { axis: 1 } },
  { name: "the last axis", inputs: shapes(["N", 2, 3, 5], ["N", 2, 3, 2]), attributes: { axis: 3 } },
  {
    name: "more than a shader can read",
    inputs: shapes(...Array.from({ length: 60 }, (_, part) => [2, 1 + (part % 3)])),
    attributes: { axis: 1 },
  },
];
