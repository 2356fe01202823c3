import { type OpCase, shapes } from "./op-case.js";

export const cases: readonly OpCase<"slice">[] = [
  { name: "two axes", inputs: shapes(["N", 3, 5, 7]), attributes: { starts: [1, 2], ends: [5, 7], axes: [2, 3], steps: [1, 1] } },
  { name: "every second", inputs: shapes(["N", 3, 7]), attributes: { starts: [1], ends: [7], axes: [2], steps: [2] } },
  { name: "a step that leaves a rest", inputs: shapes(["N", 8, 3]), attributes: { starts: [0], ends: [8], axes: [1], steps: [3] } },
  { name: "flipped taps", inputs: shapes([3, 2, 3, 5]), attributes: { starts: [-1, -1], ends: [-9, -9], axes: [2, 3], steps: [-1, -1] } },
  { name: "backwards by two, from the middle", inputs: shapes(["N", 7]), attributes: { starts: [5], ends: [0], axes: [1], steps: [-2] } },
  { name: "from the end", inputs: shapes(["N", 7]), attributes: { starts: [-3], ends: [-1], axes: [1], steps: [1] } },
  { name: "bounds behind the axis", inputs: shapes(["N", 5]), attributes: { starts: [-100], ends: [100], axes: [1], steps: [1] } },
  { name: "one element with a negative step", inputs: shapes(["N", 5, 2]), attributes: { starts: [3], ends: [2], axes: [1], steps: [-4] } },
  { name: "of the batch", inputs: shapes([5, 3]), attributes: { starts: [1], ends: [4], axes: [0], steps: [2] } },
];
