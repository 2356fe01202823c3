/** What the ops on elements, axes and matrices refuse; run by test/conformance/infer-errors.test.ts. */
import type { Attributes } from "../src/ir/graph.js";
import type { DType } from "../src/tensor/dtype.js";
import type { Shape, TensorType } from "../src/tensor/shape.js";

/** Each line breaks one law of an op; the message is what follows `Cannot infer shape of <op> "block.layer": `. */
export type Broken = readonly [fact: string, inputs: readonly (Shape | TensorType)[], attributes?: Attributes];

const X: Shape = ["N", 4, 7, 5];
const of = (dtype: DType, shape: Shape): TensorType => ({ dtype, shape });
const INTS = of("int64", ["N", 4]);
const BYTES = of("uint8", ["N", 4]);
const PLAIN = { transposeA: false, transposeB: false };
const WHOLE = { starts: [0], ends: [5], axes: [3], steps: [1] };

const BROADCAST: readonly Broken[] = [
  ["expected 2 inputs, got 1", [X]],
  ["element types float32 and int64 differ", [["N", 4], INTS]],
  ["[N, 4, 7, 5] and [N, 4, 5, 7] do not broadcast: sizes 7 and 5 must be equal or one of them 1", [X, ["N", 4, 5, 7]]],
  [
    "[N, 4] and [3, 4] do not broadcast: sizes N and 3 must be equal or one of them 1",
    [
      ["N", 4],
      [3, 4],
    ],
  ],
];

const UNARY: readonly Broken[] = [
  ["expected 1 inputs, got 2", [X, X]],
  ["expected float32 elements, got int64", [INTS]],
];

const axes = (given: Attributes): readonly Broken[] =>
  [[], [4], [-1], [0.5], [1, 1], [2, 1]].map(
    (list): Broken => [`axes [${list.join(", ")}] must be one or more increasing integers from 0 to 3`, [X], { ...given, axes: list }],
  );

const REDUCE: readonly Broken[] = [
  ["expected 1 inputs, got 0", [], { axes: [1], keepDims: true }],
  ["expected float32 elements, got int64", [INTS], { axes: [1], keepDims: true }],
  ...axes({ keepDims: false }),
];

const SOFTMAX: readonly Broken[] = [
  ["expected 1 inputs, got 0", [], { axis: 1 }],
  ["expected float32 elements, got int64", [INTS], { axis: 1 }],
  ["axis 4 must be an integer from 0 to 3", [X], { axis: 4 }],
  ["axis -1 must be an integer from 0 to 3", [X], { axis: -1 }],
];

export const BROKEN_TENSOR_OPS: Readonly<Record<string, readonly Broken[]>> = {
  add: BROADCAST,
  clip: [
    ["expected 1 inputs, got 0", [], { min: 0, max: 1 }],
    ["expected float32 elements, got int64", [INTS], { min: 0, max: 1 }],
    ["bounds min 1 and max 1 must be finite and min < max", [X], { min: 1, max: 1 }],
    ["bounds min 0 and max Infinity must be finite and min < max", [X], { min: 0, max: Number.POSITIVE_INFINITY }],
    ["bounds min NaN and max 1 must be finite and min < max", [X], { min: Number.NaN, max: 1 }],
  ],
  constant: [
    ["expected no inputs, got 1", [X], { shape: [], values: [1] }],
    ["shape [-1] must be whole sizes", [], { shape: [-1], values: [1] }],
    ["3 values do not fill shape [2]", [], { shape: [2], values: [1, 2, 3] }],
    ["0 values do not fill shape [2]", [], { shape: [2], values: [] }],
  ],
  dequantizeLinear: [
    ["expected 1 inputs, got 0", [], { scales: [1], zeroPoint: 0, axis: 0 }],
    ["expected uint8, int8 or int32 elements, got int64", [INTS], { scales: [1], zeroPoint: 0, axis: 0 }],
    ["scale 0 must be positive and finite as float32", [BYTES], { scales: [1, 1, 1, 0], zeroPoint: 0, axis: 1 }],
    ["axis 2 must be an integer from 0 to 1", [BYTES], { scales: [1, 1], zeroPoint: 0, axis: 2 }],
    ["3 scales must be 1 or 4, the size on axis 1", [BYTES], { scales: [1, 1, 1], zeroPoint: 0, axis: 1 }],
    ['size on axis 0 must be a number, got "N"', [BYTES], { scales: [1, 1, 1], zeroPoint: 0, axis: 0 }],
    ["zeroPoint 256 of uint8 must be an integer from 0 to 255", [BYTES], { scales: [1], zeroPoint: 256, axis: 0 }],
    ["zeroPoint -129 of int8 must be an integer from -128 to 127", [of("int8", [3])], { scales: [1], zeroPoint: -129, axis: 0 }],
    ["zeroPoint 1 of int32 must be an integer from 0 to 0", [of("int32", [3])], { scales: [1], zeroPoint: 1, axis: 0 }],
  ],
  div: BROADCAST,
  exp: UNARY,
  expand: [
    ["expected 1 inputs, got 0", [], { shape: [1] }],
    ["shape [0, 1] must be 2 integers of at least 1", [X], { shape: [0, 1] }],
    ["shape [1.5] must be 1 integers of at least 1", [X], { shape: [1.5] }],
    ["[N, 4, 7, 5] and [3] do not broadcast: sizes 5 and 3 must be equal or one of them 1", [X], { shape: [3] }],
  ],
  leakyRelu: [
    ["expected 1 inputs, got 0", [], { alpha: 0.1 }],
    ["expected float32 elements, got int64", [INTS], { alpha: 0.1 }],
    ["alpha Infinity must be finite", [X], { alpha: Number.POSITIVE_INFINITY }],
  ],
  log: UNARY,
  logSoftmax: SOFTMAX,
  matMul: [
    ["expected 2 inputs, got 1", [X], PLAIN],
    ["expected float32 elements, got int64", [["N", 4], INTS], PLAIN],
    ["expected two tensors of rank 2 or more, got [N, 4] and [4]", [["N", 4], [4]], PLAIN],
    [
      "a [N, 4] has 4 columns, b [5, 4] has 5 rows: they must be equal",
      [
        ["N", 4],
        [5, 4],
      ],
      PLAIN,
    ],
    [
      "a [4, 3] has 4 columns, b [4, 5] has 5 rows: they must be equal",
      [
        [4, 3],
        [4, 5],
      ],
      { transposeA: true, transposeB: true },
    ],
    [
      "[2] and [3] do not broadcast: sizes 2 and 3 must be equal or one of them 1",
      [
        [2, 4, 3],
        [3, 3, 5],
      ],
      PLAIN,
    ],
  ],
  matMulAxis: [
    ["expected 1 inputs, got 0", [], { axis: 0, rows: 1, matrix: [1] }],
    ["expected float32 elements, got int64", [INTS], { axis: 1, rows: 1, matrix: [1, 1, 1, 1] }],
    ["axis 4 must be an integer from 0 to 3", [X], { axis: 4, rows: 1, matrix: [1] }],
    ['size on axis 0 must be a number, got "N"', [X], { axis: 0, rows: 1, matrix: [1] }],
    ["rows 0 must be an integer of at least 1", [X], { axis: 1, rows: 0, matrix: [] }],
    ["matrix has 5 elements, expected 2 rows × size 4 of axis 1", [X], { axis: 1, rows: 2, matrix: [1, 2, 3, 4, 5] }],
    ["every element of the matrix must be finite", [[2]], { axis: 0, rows: 1, matrix: [1, Number.NaN] }],
    ["sizes behind axis 0 must be numbers, got [2, N]", [[2, "N"]], { axis: 0, rows: 1, matrix: [1, 2] }],
  ],
  mul: BROADCAST,
  oneHot: [
    ["expected 1 inputs, got 0", [], { depth: 3, axis: 1 }],
    ["expected int32 or int64 labels, got float32", [X], { depth: 3, axis: 1 }],
    ["depth 0 must be an integer from 1 to 16,777,216", [INTS], { depth: 0, axis: 1 }],
    ["depth 16777217 must be an integer from 1 to 16,777,216", [INTS], { depth: 16777217, axis: 1 }],
    ["axis 3 must be an integer from 0 to 2", [INTS], { depth: 3, axis: 3 }],
  ],
  pRelu: [
    ["expected 2 inputs, got 1", [X]],
    ["expected float32 elements, got int64", [["N", 4], INTS]],
    [
      "slope [3, 4] does not broadcast to [1, 4]",
      [
        [1, 4],
        [3, 4],
      ],
    ],
    ["[N, 4, 7, 5] and [4] do not broadcast: sizes 5 and 4 must be equal or one of them 1", [X, [4]]],
  ],
  pad: [
    ["expected 1 inputs, got 0", [], { pads: [], value: 0 }],
    ["expected float32 elements, got int64", [INTS], { pads: [0, 0, 0, 0], value: 0 }],
    ["pads [1, 1] must be 8 integers of at least 0", [X], { pads: [1, 1], value: 0 }],
    ["pads [0, -1, 0, 0] must be 4 integers of at least 0", [["N", 4]], { pads: [0, -1, 0, 0], value: 0 }],
    ["value NaN must be finite", [["N", 4]], { pads: [0, 0, 0, 0], value: Number.NaN }],
    ['size on axis 0 must be a number, got "N"', [["N", 4]], { pads: [1, 0, 0, 0], value: 0 }],
  ],
  pow: [
    ["expected 1 inputs, got 0", [], { exponent: 2 }],
    ["expected float32 elements, got int64", [INTS], { exponent: 2 }],
    ["exponent NaN must be finite", [X], { exponent: Number.NaN }],
  ],
  quantizeLinear: [
    ["expected 1 inputs, got 2", [X, X], { scale: 1, zeroPoint: 0 }],
    ["expected float32 elements, got int64", [INTS], { scale: 1, zeroPoint: 0 }],
    ["scale 0 must be positive and finite as float32", [X], { scale: 0, zeroPoint: 0 }],
    ["scale 1e-50 must be positive and finite as float32", [X], { scale: 1e-50, zeroPoint: 0 }],
    ["scale 1e+39 must be positive and finite as float32", [X], { scale: 1e39, zeroPoint: 0 }],
    ["zeroPoint 0.5 must be an integer from 0 to 255", [X], { scale: 1, zeroPoint: 0.5 }],
    ["zeroPoint -1 must be an integer from 0 to 255", [X], { scale: 1, zeroPoint: -1 }],
  ],
  reduceMax: REDUCE,
  reduceMean: REDUCE,
  reduceSum: REDUCE,
  reluGradient: [
    ["expected 2 inputs, got 1", [X]],
    ["expected float32 elements, got int64", [["N", 4], INTS]],
    ["[N, 4, 7, 5] and [4, 1, 1] differ", [X, [4, 1, 1]]],
  ],
  reshape: [
    ["expected 1 inputs, got 0", [], { shape: [1] }],
    ["shape [-1, -1] must be sizes, 0 for the same size, and at most one -1 for what is left", [X], { shape: [-1, -1] }],
    ["shape [-2] must be sizes, 0 for the same size, and at most one -1 for what is left", [X], { shape: [-2] }],
    ["shape [3, 0] keeps axis 1, which [3] does not have", [[3]], { shape: [3, 0] }],
    ["[3, 5] cannot have shape [4, 4]: the numbers of elements differ", [[3, 5]], { shape: [4, 4] }],
    ["[3, 5] cannot have shape [2, -1]: the numbers of elements differ", [[3, 5]], { shape: [2, -1] }],
    ['[N, 4, 7, 5] cannot have shape [1, -1]: "N" must be kept', [X], { shape: [1, -1] }],
  ],
  slice: [
    ["expected 1 inputs, got 0", [], WHOLE],
    ...axes({ starts: [0], ends: [1], steps: [1] }),
    ["starts [0, 1] must be 1 integers", [X], { ...WHOLE, starts: [0, 1] }],
    ["ends [0.5] must be 1 integers", [X], { ...WHOLE, ends: [0.5] }],
    ["steps [] must be 1 integers", [X], { ...WHOLE, steps: [] }],
    ["steps [0] must not be 0", [X], { ...WHOLE, steps: [0] }],
    ["start 3, end 3 and step 1 take nothing of size 5 on axis 3", [X], { ...WHOLE, starts: [3], ends: [3] }],
    ["start 0, end 5 and step -1 take nothing of size 5 on axis 3", [X], { ...WHOLE, steps: [-1] }],
    ['size on axis 0 must be a number, got "N"', [X], { ...WHOLE, axes: [0] }],
  ],
  softmax: SOFTMAX,
  split: [
    ["expected 1 inputs, got 0", [], { axis: 1, sizes: [4] }],
    ["axis 4 must be an integer from 0 to 3", [X], { axis: 4, sizes: [4] }],
    ["expected at least 1 size, got 0", [X], { axis: 1, sizes: [] }],
    ["sizes [4, 0] must be 2 integers of at least 1", [X], { axis: 1, sizes: [4, 0] }],
    ["sizes [1, 2] add up to 3, axis 1 has 4", [X], { axis: 1, sizes: [1, 2] }],
    ['size on axis 0 must be a number, got "N"', [X], { axis: 0, sizes: [1] }],
  ],
  sqrt: UNARY,
  sub: BROADCAST,
  sum: [
    ["expected at least 1 input, got 0", []],
    ["[N, 4] and [4] differ", [["N", 4], [4]]],
  ],
  transpose: [
    ["expected 1 inputs, got 0", [], { perm: [] }],
    ["perm [0, 1] must contain each of 0 to 3 once", [X], { perm: [0, 1] }],
    ["perm [0, 1, 2, 2] must contain each of 0 to 3 once", [X], { perm: [0, 1, 2, 2] }],
    ["perm [1, 2, 3, 4] must contain each of 0 to 3 once", [X], { perm: [1, 2, 3, 4] }],
  ],
};
