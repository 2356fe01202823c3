import { type OpCase, shapes, windowOf } from "./op-case.js";

export const cases: readonly OpCase<"convChwnInputGradient">[] = [
  {
    name: "3×3 /2 valid",
    inputs: shapes([4, 3, 4, 2], [4, 3, 3, 3]),
    attributes: { ...windowOf([3, 3], { strides: [2, 2] }), groups: 1, inputShape: [7, 9] },
  },
  {
    name: "3×3 /2 whose last row is never read",
    inputs: shapes([4, 3, 4, 2], [4, 3, 3, 3]),
    attributes: { ...windowOf([3, 3], { strides: [2, 2] }), groups: 1, inputShape: [8, 10] },
  },
  {
    name: "7×7 /2",
    inputs: shapes([2, 4, 4, 2], [2, 1, 7, 7]),
    attributes: { ...windowOf([7, 7], { strides: [2, 2], pads: [3, 3, 3, 3] }), groups: 1, inputShape: [7, 8] },
  },
  {
    name: "1×1 /2: elements that nothing reads",
    inputs: shapes([3, 2, 3, 2], [3, 5, 1, 1]),
    attributes: { ...windowOf([1, 1], { strides: [2, 2] }), groups: 1, inputShape: [4, 6] },
  },
  {
    name: "stride 1, one image",
    inputs: shapes([3, 4, 5, 1], [3, 2, 3, 3]),
    attributes: { ...windowOf([3, 3], { pads: [1, 1, 1, 1] }), groups: 1, inputShape: [4, 5] },
  },
  {
    name: "asymmetric pads, unequal strides, dilation",
    inputs: shapes([2, 5, 4, 3], [2, 2, 3, 2]),
    attributes: { ...windowOf([3, 2], { strides: [2, 3], pads: [0, 1, 3, 2], dilations: [1, 2] }), groups: 1, inputShape: [9, 11] },
  },
  {
    name: "dilation and stride with a common divisor",
    inputs: shapes([2, 3, 4, 2], [2, 2, 3, 2]),
    attributes: { ...windowOf([3, 2], { strides: [4, 2], dilations: [2, 4], pads: [1, 2, 3, 0] }), groups: 1, inputShape: [11, 9] },
  },
];
