import { type OpCase, shapes, windowOf } from "./op-case.js";

export const cases: readonly OpCase<"convWeightGradient">[] = [
  {
    name: "3×3 same, one product",
    inputs: shapes(["N", 3, 7, 5], ["N", 4, 7, 5]),
    attributes: { ...windowOf([3, 3], { pads: [1, 1, 1, 1] }), groups: 1 },
  },
  {
    name: "3×3 valid, a product per image",
    inputs: shapes(["N", 2, 14, 13], ["N", 3, 12, 11]),
    attributes: { ...windowOf([3, 3]), groups: 1 },
  },
  { name: "1×1, one product", inputs: shapes(["N", 3, 4, 5], ["N", 2, 4, 5]), attributes: { ...windowOf([1, 1]), groups: 1 } },
  { name: "1×1, a product per image", inputs: shapes(["N", 3, 11, 10], ["N", 2, 11, 10]), attributes: { ...windowOf([1, 1]), groups: 1 } },
  {
    name: "one image, whose batch is a number",
    inputs: shapes([1, 3, 4, 5], [1, 2, 4, 5]),
    attributes: { ...windowOf([3, 3], { pads: [1, 1, 1, 1] }), groups: 1 },
  },
  {
    name: "one image, asymmetric pads and dilation",
    inputs: shapes([1, 3, 6, 9], [1, 2, 5, 8]),
    attributes: { ...windowOf([3, 2], { dilations: [1, 3], pads: [0, 2, 1, 0] }), groups: 1 },
  },
  { name: "one image, 1×1", inputs: shapes([1, 3, 4, 5], [1, 2, 4, 5]), attributes: { ...windowOf([1, 1]), groups: 1 } },
  {
    name: "one image with a stride",
    inputs: shapes([1, 3, 5, 5], [1, 2, 2, 5]),
    attributes: { ...windowOf([3, 1], { strides: [2, 1] }), groups: 1 },
  },
  {
    name: "one image, a product per group",
    inputs: shapes([1, 4, 4, 5], [1, 6, 4, 5]),
    attributes: { ...windowOf([3, 3], { pads: [1, 1, 1, 1] }), groups: 2 },
  },
  {
    name: "1×1 /2 whose last rows are never read",
    inputs: shapes(["N", 5, 7, 4], ["N", 3, 4, 2]),
    attributes: { ...windowOf([1, 1], { strides: [2, 2] }), groups: 1 },
  },
  {
    name: "1×7 same",
    inputs: shapes(["N", 2, 3, 9], ["N", 3, 3, 9]),
    attributes: { ...windowOf([1, 7], { pads: [0, 3, 0, 3] }), groups: 1 },
  },
  {
    name: "asymmetric pads, unequal strides",
    inputs: shapes(["N", 2, 8, 9], ["N", 3, 4, 3]),
    attributes: { ...windowOf([3, 2], { strides: [2, 3], pads: [0, 1, 1, 0] }), groups: 1 },
  },
  {
    name: "padding wider than the kernel reaches",
    inputs: shapes(["N", 2, 5, 5], ["N", 2, 7, 11]),
    attributes: { ...windowOf([2, 2], { pads: [2, 3, 1, 4] }), groups: 1 },
  },
  {
    name: "dilation",
    inputs: shapes(["N", 2, 9, 8], ["N", 3, 9, 8]),
    attributes: { ...windowOf([3, 3], { dilations: [2, 3], pads: [2, 3, 2, 3] }), groups: 1 },
  },
  {
    name: "groups and strides",
    inputs: shapes(["N", 6, 5, 5], ["N", 4, 2, 3]),
    attributes: { ...windowOf([3, 3], { strides: [2, 1] }), groups: 2 },
  },
  {
    name: "depthwise",
    inputs: shapes(["N", 3, 5, 6], ["N", 6, 5, 6]),
    attributes: { ...windowOf([3, 3], { pads: [1, 1, 1, 1] }), groups: 3 },
  },
  {
    name: "a kernel over the whole map",
    inputs: shapes(["N", 2, 5, 3], ["N", 4, 1, 1]),
    attributes: { ...windowOf([5, 3]), groups: 1 },
  },
  {
    name: "volumes: stride, dilation, asymmetric pads, groups",
    inputs: shapes(["N", 4, 5, 4, 7], ["N", 6, 2, 3, 4]),
    attributes: { ...windowOf([3, 2, 3], { strides: [2, 1, 2], dilations: [1, 2, 1], pads: [1, 0, 0, 0, 1, 2] }), groups: 2 },
  },
  { name: "volumes: 1×1×1", inputs: shapes(["N", 3, 2, 1, 3], ["N", 2, 2, 1, 3]), attributes: { ...windowOf([1, 1, 1]), groups: 1 } },
];
