import { type OpCase, shapes, windowOf } from "./op-case.js";

export const cases: readonly OpCase<"convTranspose">[] = [
  {
    name: "2×2 /2 with bias",
    inputs: shapes(["N", 3, 4, 5], [3, 2, 2, 2], [2]),
    attributes: { ...windowOf([2, 2], { strides: [2, 2] }), groups: 1, outputPadding: [0, 0] },
  },
  {
    name: "3×3 stride 1",
    inputs: shapes(["N", 3, 4, 5], [3, 2, 3, 3], [2]),
    attributes: { ...windowOf([3, 3], { pads: [1, 1, 1, 1] }), groups: 1, outputPadding: [0, 0] },
  },
  {
    name: "output padding, asymmetric pads, unequal strides",
    inputs: shapes(["N", 2, 3, 5], [2, 3, 3, 2], [3]),
    attributes: { ...windowOf([3, 2], { strides: [2, 3], pads: [0, 1, 1, 0] }), groups: 1, outputPadding: [1, 2] },
  },
  {
    name: "groups and dilation",
    inputs: shapes(["N", 4, 3, 5], [4, 3, 3, 2], [6]),
    attributes: { ...windowOf([3, 2], { strides: [2, 1], dilations: [2, 3] }), groups: 2, outputPadding: [1, 0] },
  },
  {
    name: "volumes: 2×2×2 /2 with bias",
    inputs: shapes(["N", 3, 2, 1, 3], [3, 2, 2, 2, 2], [2]),
    attributes: { ...windowOf([2, 2, 2], { strides: [2, 2, 2] }), groups: 1, outputPadding: [0, 0, 0] },
  },
  {
    name: "volumes: 2×2×2 /2 without bias",
    inputs: shapes(["N", 2, 2, 3, 2], [2, 3, 2, 2, 2]),
    attributes: { ...windowOf([2, 2, 2], { strides: [2, 2, 2] }), groups: 1, outputPadding: [0, 0, 0] },
  },
  {
    name: "volumes: stride, padding, output padding, groups",
    inputs: shapes(["N", 4, 2, 3, 2], [4, 1, 3, 3, 2], [2]),
    attributes: { ...windowOf([3, 3, 2], { strides: [2, 2, 1], pads: [1, 1, 0, 1, 0, 1] }), groups: 2, outputPadding: [1, 0, 0] },
  },
];
