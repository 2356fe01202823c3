import { type OpCase, shapes } from "./op-case.js";

export const cases: readonly OpCase<"pad">[] = [
  { name: "maps, unequal sides", inputs: shapes(["N", 2, 3, 5]), attributes: { pads: [0, 0, 1, 0, 0, 0, 2, 3], value: 0 } },
  { name: "a value", inputs: shapes(["N", 3]), attributes: { pads: [0, 2, 0, 1], value: -1.5 } },
  { name: "the batch too", inputs: shapes([2, 3]), attributes: { pads: [1, 0, 0, 1], value: 0 } },
  { name: "nothing", inputs: shapes(["N", 3]), attributes: { pads: [0, 0, 0, 0], value: 0 } },
];
