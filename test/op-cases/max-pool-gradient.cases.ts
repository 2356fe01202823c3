import { type OpCase, windowOf } from "./op-case.js";

// y is not read but where it is compared with x, and random numbers would match nothing there: the case of ties, in
// which all elements are equal, has the only y that can be written down here. Each other case runs as maxPool's gradient.
export const cases: readonly OpCase<"maxPoolGradient">[] = [
  {
    name: "ties go to the first element",
    inputs: [{ shape: [2, 2, 5, 6], low: 0, high: 0 }, { shape: [2, 2, 3, 3], low: 0, high: 0 }, { shape: [2, 2, 3, 3] }],
    attributes: { ...windowOf([3, 3], { strides: [2, 2], pads: [1, 1, 1, 1] }), ceilMode: false },
  },
  {
    name: "ties under a window along two of three axes",
    inputs: [{ shape: [1, 2, 5, 6, 2], low: 0, high: 0 }, { shape: [1, 2, 2, 3, 2], low: 0, high: 0 }, { shape: [1, 2, 2, 3, 2] }],
    attributes: { ...windowOf([3, 3, 1], { strides: [2, 2, 1], pads: [0, 1, 0, 0, 0, 0] }), ceilMode: false },
  },
  {
    name: "ties in volumes, overlapping windows",
    inputs: [{ shape: [2, 2, 3, 4, 5], low: 0, high: 0 }, { shape: [2, 2, 3, 4, 5], low: 0, high: 0 }, { shape: [2, 2, 3, 4, 5] }],
    attributes: { ...windowOf([3, 3, 3], { pads: [1, 1, 1, 1, 1, 1] }), ceilMode: false },
  },
];
