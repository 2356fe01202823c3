import { type OpCase, shapes, windowOf } from "./op-case.js";

export const cases: readonly OpCase<"maxPool">[] = [
  { name: "3×3 /2", inputs: shapes(["N", 2, 7, 8]), attributes: { ...windowOf([3, 3], { strides: [2, 2] }), ceilMode: false } },
  { name: "3×3 /2 rounded up", inputs: shapes(["N", 2, 8, 7]), attributes: { ...windowOf([3, 3], { strides: [2, 2] }), ceilMode: true } },
  {
    name: "a last window that would start in the padding",
    inputs: shapes(["N", 1, 5, 4]),
    attributes: { ...windowOf([2, 2], { strides: [2, 2], pads: [1, 1, 1, 1] }), ceilMode: true },
  },
  {
    name: "a window that is dropped beside one that sticks out",
    inputs: shapes(["N", 2, 6, 6]),
    attributes: { ...windowOf([1, 3], { strides: [2, 2], pads: [0, 1, 0, 0] }), ceilMode: true },
  },
  {
    name: "one window that sticks out",
    inputs: shapes(["N", 2, 2, 1]),
    attributes: { ...windowOf([3, 2], { strides: [2, 2] }), ceilMode: true },
  },
  {
    name: "asymmetric pads, unequal kernel and strides",
    inputs: shapes(["N", 3, 9, 5]),
    attributes: { ...windowOf([3, 2], { strides: [2, 3], pads: [0, 1, 2, 0] }), ceilMode: false },
  },
  {
    name: "dilation",
    inputs: shapes(["N", 2, 9, 7]),
    attributes: { ...windowOf([3, 2], { dilations: [2, 3], pads: [1, 0, 1, 1] }), ceilMode: false },
  },
  {
    name: "dilation and stride, rounded up",
    inputs: shapes(["N", 1, 8, 8]),
    attributes: { ...windowOf([2, 2], { dilations: [2, 3], strides: [2, 3] }), ceilMode: true },
  },
  {
    name: "3×3 /1 that keeps the size",
    inputs: shapes(["N", 2, 1, 5]),
    attributes: { ...windowOf([3, 3], { pads: [1, 1, 1, 1] }), ceilMode: true },
  },
  {
    name: "a window along two of three axes",
    inputs: shapes([1, 2, 6, 7, 2]),
    attributes: { ...windowOf([3, 3, 1], { strides: [2, 2, 1] }), ceilMode: true },
  },
  {
    name: "a padded window along one of three axes",
    inputs: shapes([2, 2, 1, 7, 3]),
    attributes: { ...windowOf([1, 3, 1], { strides: [1, 1, 1], pads: [0, 1, 0, 0, 1, 0] }), ceilMode: false },
  },
  {
    name: "volumes",
    inputs: shapes(["N", 2, 5, 4, 7]),
    attributes: { ...windowOf([3, 2, 3], { strides: [2, 1, 3], pads: [1, 0, 0, 0, 1, 1] }), ceilMode: false },
  },
];
