import { type OpCase, shapes, windowOf } from "./op-case.js";

export const cases: readonly OpCase<"conv">[] = [
  { name: "3×3 valid with bias", inputs: shapes(["N", 3, 7, 5], [4, 3, 3, 3], [4]), attributes: { ...windowOf([3, 3]), groups: 1 } },
  { name: "1×1 /2", inputs: shapes(["N", 5, 7, 4], [3, 5, 1, 1]), attributes: { ...windowOf([1, 1], { strides: [2, 2] }), groups: 1 } },
  {
    name: "1×7 same",
    inputs: shapes(["N", 2, 3, 9], [3, 2, 1, 7]),
    attributes: { ...windowOf([1, 7], { pads: [0, 3, 0, 3] }), groups: 1 },
  },
  {
    name: "asymmetric pads, unequal strides",
    inputs: shapes(["N", 2, 8, 9], [3, 2, 3, 2], [3]),
    attributes: { ...windowOf([3, 2], { strides: [2, 3], pads: [0, 1, 1, 0] }), groups: 1 },
  },
  {
    name: "dilation",
    inputs: shapes(["N", 2, 9, 8], [3, 2, 3, 3], [3]),
    attributes: { ...windowOf([3, 3], { dilations: [2, 3], pads: [2, 3, 2, 3] }), groups: 1 },
  },
  {
    name: "groups",
    inputs: shapes(["N", 6, 5, 5], [4, 3, 3, 3], [4]),
    attributes: { ...windowOf([3, 3], { strides: [2, 1] }), groups: 2 },
  },
  {
    name: "depthwise",
    inputs: shapes(["N", 3, 5, 6], [6, 1, 3, 3]),
    attributes: { ...windowOf([3, 3], { pads: [1, 1, 1, 1] }), groups: 3 },
  },
  {
    name: "a kernel over the whole map",
    inputs: shapes(["N", 2, 5, 3], [4, 2, 5, 3], [4]),
    attributes: { ...windowOf([5, 3]), groups: 1 },
  },
  {
    name: "volumes: stride, dilation, asymmetric pads, groups",
    inputs: shapes(["N", 4, 5, 4, 7], [6, 2, 3, 2, 3], [6]),
    attributes: { ...windowOf([3, 2, 3], { strides: [2, 1, 2], dilations: [1, 2, 1], pads: [1, 0, 0, 0, 1, 2] }), groups: 2 },
  },
  {
    name: "volumes: 3×3×3, dilation, bias",
    inputs: shapes(["N", 3, 5, 4, 7], [4, 3, 3, 3, 3], [4]),
    attributes: { ...windowOf([3, 3, 3], { dilations: [2, 2, 2], pads: [2, 2, 2, 2, 2, 2] }), groups: 1 },
  },
  {
    name: "volumes: 2×3×1, unequal dilations, asymmetric pads",
    inputs: shapes(["N", 2, 4, 5, 3], [3, 2, 2, 3, 1]),
    attributes: { ...windowOf([2, 3, 1], { dilations: [3, 1, 2], pads: [1, 0, 1, 2, 1, 0] }), groups: 1 },
  },
  {
    name: "volumes: depth without padding",
    inputs: shapes(["N", 2, 5, 2, 3], [3, 2, 3, 2, 2]),
    attributes: { ...windowOf([3, 2, 2]), groups: 1 },
  },
  {
    name: "volumes: 5×1×1 dilated, bias",
    inputs: shapes(["N", 3, 4, 2, 3], [2, 3, 5, 1, 1], [2]),
    attributes: { ...windowOf([5, 1, 1], { dilations: [2, 1, 1], pads: [4, 0, 0, 4, 0, 0] }), groups: 1 },
  },
  {
    name: "volumes: 1×3×1 dilated, asymmetric pads",
    inputs: shapes(["N", 3, 2, 7, 3], [2, 3, 1, 3, 1]),
    attributes: { ...windowOf([1, 3, 1], { dilations: [1, 3, 1], pads: [0, 3, 0, 0, 1, 0] }), groups: 1 },
  },
  {
    name: "volumes: 1×1×3 dilated, asymmetric pads",
    inputs: shapes(["N", 3, 2, 3, 7], [2, 3, 1, 1, 3]),
    attributes: { ...windowOf([1, 1, 3], { dilations: [1, 1, 3], pads: [0, 0, 2, 0, 0, 3] }), groups: 1 },
  },
  {
    name: "volumes: 1×3×1 padded on another axis",
    inputs: shapes(["N", 2, 3, 4, 2], [2, 2, 1, 3, 1]),
    attributes: { ...windowOf([1, 3, 1], { pads: [1, 1, 0, 0, 1, 1] }), groups: 1 },
  },
  { name: "volumes: 1×1×1", inputs: shapes(["N", 3, 2, 1, 3], [2, 3, 1, 1, 1]), attributes: { ...windowOf([1, 1, 1]), groups: 1 } },
];
