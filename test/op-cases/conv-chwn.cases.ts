import { type OpCase, shapes, windowOf } from "./op-case.js";

export const cases: readonly OpCase<"convChwn">[] = [
  { name: "3×3 /2 valid", inputs: shapes([3, 7, 9, 2], [4, 3, 3, 3]), attributes: { ...windowOf([3, 3], { strides: [2, 2] }), groups: 1 } },
  {
    name: "7×7 /2 with a bias",
    inputs: shapes([1, 7, 8, 2], [3, 1, 7, 7], [3]),
    attributes: { ...windowOf([7, 7], { strides: [2, 2], pads: [3, 3, 3, 3] }), groups: 1 },
  },
  {
    name: "1×1 /2 whose last rows are never read",
    inputs: shapes([5, 4, 6, 2], [3, 5, 1, 1]),
    attributes: { ...windowOf([1, 1], { strides: [2, 2] }), groups: 1 },
  },
  {
    name: "stride 1, one image",
    inputs: shapes([2, 4, 5, 1], [3, 2, 3, 3]),
    attributes: { ...windowOf([3, 3], { pads: [1, 1, 1, 1] }), groups: 1 },
  },
  {
    name: "asymmetric pads, unequal strides, dilation",
    inputs: shapes([2, 9, 11, 3], [2, 2, 3, 2]),
    attributes: { ...windowOf([3, 2], { strides: [2, 3], pads: [0, 1, 3, 2], dilations: [1, 2] }), groups: 1 },
  },
  {
    name: "a stride wider than the kernel",
    inputs: shapes([2, 8, 9, 2], [3, 2, 2, 2]),
    attributes: { ...windowOf([2, 2], { strides: [4, 3], pads: [1, 0, 0, 1] }), groups: 1 },
  },
  {
    name: "dilation and stride with a common divisor",
    inputs: shapes([2, 11, 9, 2], [2, 2, 3, 2]),
    attributes: { ...windowOf([3, 2], { strides: [4, 2], dilations: [2, 4], pads: [1, 2, 3, 0] }), groups: 1 },
  },
  {
    name: "a kernel over the whole map",
    inputs: shapes([2, 5, 3, 4], [4, 2, 5, 3]),
    attributes: { ...windowOf([5, 3], { strides: [2, 2] }), groups: 1 },
  },
];
