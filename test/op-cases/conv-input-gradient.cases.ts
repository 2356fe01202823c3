import { type OpCase, shapes, windowOf } from "./op-case.js";

export const cases: readonly OpCase<"convInputGradient">[] = [
  {
    name: "3×3 same",
    inputs: shapes(["N", 4, 7, 5], [4, 3, 3, 3]),
    attributes: { ...windowOf([3, 3], { pads: [1, 1, 1, 1] }), groups: 1, inputShape: [7, 5] },
  },
  {
    name: "1×1",
    inputs: shapes(["N", 3, 4, 5], [3, 5, 1, 1]),
    attributes: { ...windowOf([1, 1]), groups: 1, inputShape: [4, 5] },
  },
  {
    name: "1×1 with padding",
    inputs: shapes(["N", 2, 6, 6], [2, 3, 1, 1]),
    attributes: { ...windowOf([1, 1], { pads: [1, 0, 0, 2] }), groups: 1, inputShape: [5, 4] },
  },
  {
    name: "1×7 same",
    inputs: shapes(["N", 2, 3, 9], [2, 3, 1, 7]),
    attributes: { ...windowOf([1, 7], { pads: [0, 3, 0, 3] }), groups: 1, inputShape: [3, 9] },
  },
  {
    name: "padding wider than the kernel reaches",
    inputs: shapes(["N", 2, 7, 11], [2, 2, 2, 2]),
    attributes: { ...windowOf([2, 2], { pads: [2, 3, 1, 4] }), groups: 1, inputShape: [5, 5] },
  },
  {
    name: "1×1 /2 whose last rows are never read",
    inputs: shapes(["N", 3, 4, 2], [3, 5, 1, 1]),
    attributes: { ...windowOf([1, 1], { strides: [2, 2] }), groups: 1, inputShape: [7, 4] },
  },
  {
    name: "3×3 /2, odd and even sizes",
    inputs: shapes(["N", 4, 3, 3], [4, 2, 3, 3]),
    attributes: { ...windowOf([3, 3], { strides: [2, 2] }), groups: 1, inputShape: [7, 8] },
  },
  {
    name: "asymmetric pads, unequal strides",
    inputs: shapes(["N", 3, 4, 3], [3, 2, 3, 2]),
    attributes: { ...windowOf([3, 2], { strides: [2, 3], pads: [0, 1, 1, 0] }), groups: 1, inputShape: [8, 9] },
  },
  {
    name: "wide padding and strides",
    inputs: shapes(["N", 2, 5, 4], [2, 3, 2, 3]),
    attributes: { ...windowOf([2, 3], { strides: [2, 3], pads: [3, 3, 2, 4] }), groups: 1, inputShape: [5, 5] },
  },
  {
    name: "a kernel smaller than the stride",
    inputs: shapes(["N", 2, 3, 3], [2, 3, 2, 1]),
    attributes: { ...windowOf([2, 1], { strides: [3, 3] }), groups: 1, inputShape: [9, 8] },
  },
  {
    name: "dilation",
    inputs: shapes(["N", 3, 9, 8], [3, 2, 3, 3]),
    attributes: { ...windowOf([3, 3], { dilations: [2, 3], pads: [2, 3, 2, 3] }), groups: 1, inputShape: [9, 8] },
  },
  {
    name: "dilation and strides",
    inputs: shapes(["N", 3, 3, 2], [3, 2, 3, 2]),
    attributes: { ...windowOf([3, 2], { dilations: [2, 3], strides: [2, 3], pads: [1, 0, 0, 1] }), groups: 1, inputShape: [9, 8] },
  },
  {
    name: "groups",
    inputs: shapes(["N", 4, 5, 5], [4, 3, 3, 3]),
    attributes: { ...windowOf([3, 3], { pads: [1, 1, 1, 1] }), groups: 2, inputShape: [5, 5] },
  },
  {
    name: "groups and strides",
    inputs: shapes(["N", 4, 2, 3], [4, 3, 3, 3]),
    attributes: { ...windowOf([3, 3], { strides: [2, 1] }), groups: 2, inputShape: [5, 5] },
  },
  {
    name: "depthwise",
    inputs: shapes(["N", 6, 5, 6], [6, 1, 3, 3]),
    attributes: { ...windowOf([3, 3], { pads: [1, 1, 1, 1] }), groups: 3, inputShape: [5, 6] },
  },
  {
    name: "one channel each, pointwise",
    inputs: shapes(["N", 3, 2, 4], [3, 1, 1, 1]),
    attributes: { ...windowOf([1, 1]), groups: 3, inputShape: [2, 4] },
  },
  {
    name: "volumes: 3×3×3 same",
    inputs: shapes(["N", 2, 3, 4, 5], [2, 3, 3, 3, 3]),
    attributes: { ...windowOf([3, 3, 3], { pads: [1, 1, 1, 1, 1, 1] }), groups: 1, inputShape: [3, 4, 5] },
  },
  {
    name: "volumes: stride, dilation, asymmetric pads, groups",
    inputs: shapes(["N", 6, 2, 2, 4], [6, 2, 3, 2, 3]),
    attributes: {
      ...windowOf([3, 2, 3], { strides: [2, 1, 2], dilations: [1, 2, 1], pads: [1, 0, 0, 0, 0, 2] }),
      groups: 2,
      inputShape: [5, 4, 7],
    },
  },
  {
    name: "volumes: 2×2×2 /2",
    inputs: shapes(["N", 3, 2, 3, 1], [3, 2, 2, 2, 2]),
    attributes: { ...windowOf([2, 2, 2], { strides: [2, 2, 2] }), groups: 1, inputShape: [4, 6, 2] },
  },
  {
    name: "volumes: 2×2×2 /2, odd sizes",
    inputs: shapes(["N", 3, 2, 3, 1], [3, 2, 2, 2, 2]),
    attributes: { ...windowOf([2, 2, 2], { strides: [2, 2, 2] }), groups: 1, inputShape: [5, 6, 3] },
  },
  {
    name: "volumes: 1×2×3 tiles",
    inputs: shapes(["N", 2, 3, 2, 2], [2, 3, 1, 2, 3]),
    attributes: { ...windowOf([1, 2, 3], { strides: [1, 2, 3] }), groups: 1, inputShape: [3, 4, 6] },
  },
];
