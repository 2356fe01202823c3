import { type OpCase, shapes, windowOf } from "./op-case.js";

const PADDED = { ceilMode: false, countIncludePad: true };
const REAL = { ceilMode: false, countIncludePad: false };

export const cases: readonly OpCase<"averagePool">[] = [
  {
    name: "3×3 same, padding counts",
    inputs: shapes(["N", 2, 5, 7]),
    attributes: { ...windowOf([3, 3], { pads: [1, 1, 1, 1] }), ...PADDED },
  },
  { name: "3×3 same, real elements", inputs: shapes(["N", 2, 5, 7]), attributes: { ...windowOf([3, 3], { pads: [1, 1, 1, 1] }), ...REAL } },
  { name: "5×5 /3", inputs: shapes(["N", 3, 9, 14]), attributes: { ...windowOf([5, 5], { strides: [3, 3] }), ...REAL } },
  {
    name: "5×5 /3 rounded up",
    inputs: shapes(["N", 2, 9, 7]),
    attributes: { ...windowOf([5, 5], { strides: [3, 3] }), ceilMode: true, countIncludePad: false },
  },
  {
    name: "one window that sticks out",
    inputs: shapes(["N", 2, 3, 4]),
    attributes: { ...windowOf([5, 5], { strides: [3, 3] }), ceilMode: true, countIncludePad: true },
  },
  {
    name: "a window that is dropped beside one that sticks out",
    inputs: shapes(["N", 2, 6, 6]),
    attributes: { ...windowOf([1, 3], { strides: [2, 2], pads: [0, 1, 0, 0] }), ceilMode: true, countIncludePad: true },
  },
  {
    name: "asymmetric pads, padding counts",
    inputs: shapes(["N", 2, 7, 5]),
    attributes: { ...windowOf([3, 2], { strides: [2, 3], pads: [0, 1, 2, 0] }), ...PADDED },
  },
  {
    name: "asymmetric pads, real elements",
    inputs: shapes(["N", 2, 7, 5]),
    attributes: { ...windowOf([3, 2], { strides: [2, 3], pads: [0, 1, 2, 0] }), ...REAL },
  },
  {
    name: "dilation",
    inputs: shapes(["N", 1, 9, 7]),
    attributes: { ...windowOf([3, 2], { dilations: [2, 3], strides: [2, 1] }), ...REAL },
  },
  {
    name: "volumes",
    inputs: shapes(["N", 2, 5, 4, 7]),
    attributes: { ...windowOf([3, 2, 3], { strides: [2, 1, 3], pads: [1, 0, 0, 0, 1, 1] }), ...REAL },
  },
];
