/** The lines of test/conformance/infer-errors.test.ts for the ops of training: those that are gradients of others, and normalizations. */
import type { Attributes } from "../src/ir/graph.js";
import type { Shape } from "../src/tensor/shape.js";
import type { Broken } from "./broken-tensor-ops.js";
import { windowOf } from "./op-cases/op-case.js";

const X: Shape = [2, 4, 7, 5];
const CHWN: Shape = [4, 7, 5, 2];
const NORM = { epsilon: 1e-3 };
const CONV = { ...windowOf([3, 3]), groups: 1 };
const POOL = { ...windowOf([3, 3]), ceilMode: false };
const LRN = { size: 5, alpha: 1, beta: 1, bias: 1 };
const L2 = { axis: 1, p: 2, epsilon: 1e-12 };

/** What a normalization refuses in its vectors, which follow x (and dy) as `names` says. */
function brokenVectors(leading: readonly Shape[], names: readonly string[], given: Attributes): readonly Broken[] {
  const vectors = names.map((): Shape => [4]);
  return [
    [`expected ${leading.length + names.length} inputs, got 1`, [X], given],
    ...names.map(
      (name, wrong): Broken => [
        `${name} [3] must be [4]`,
        [...leading, ...vectors.map((shape, index): Shape => (index === wrong ? [3] : shape))],
        given,
      ],
    ),
    ["epsilon 0 must be positive", [...leading, ...vectors], { ...given, epsilon: 0 }],
    ["expected float32 elements, got int64", [...leading, { dtype: "int64", shape: [4] }, ...vectors.slice(1)], given],
    ...(leading.length === 2 ? [["[2, 4, 7, 5] and [2, 4, 7, 6] differ", [X, [2, 4, 7, 6], ...vectors], given] as const] : []),
  ];
}

const UNKNOWN_BATCH: Shape = ["N", 4, 7, 5];

export const BROKEN_GRADIENT_OPS: Readonly<Record<string, readonly Broken[]>> = {
  batchNormalizationGradient: [
    ...brokenVectors([X, X], ["scale", "mean", "variance"], { ...NORM, affine: true }),
    ['size on axis 0 must be a number, got "N"', [UNKNOWN_BATCH, UNKNOWN_BATCH, [4], [4], [4]], { ...NORM, affine: true }],
  ],
  batchNormalizationTraining: [
    ...brokenVectors([X], ["scale", "shift"], NORM),
    ['number of channels must be a number, got "C"', [["N", "C", 7], [4], [4]], NORM],
  ],
  batchNormalizationTrainingGradient: [
    ...brokenVectors([X, X], ["scale", "mean", "variance"], NORM),
    ['size on axis 0 must be a number, got "N"', [UNKNOWN_BATCH, UNKNOWN_BATCH, [4], [4], [4]], NORM],
  ],
  convChwn: [
    ["expected x, w and maybe a bias, got 1 inputs", [CHWN], CONV],
    [
      "expected an input [C, H, W, N], got [4, 7, 5]",
      [
        [4, 7, 5],
        [6, 4, 3, 3],
      ],
      CONV,
    ],
    [
      'the batch must be a number, got "N"',
      [
        [4, 7, 5, "N"],
        [6, 4, 3, 3],
      ],
      CONV,
    ],
    ["groups 2 must be 1", [CHWN, [6, 2, 3, 3]], { ...CONV, groups: 2 }],
    ["input has 4 channels, weight [6, 3, 3, 3] with groups 1 expects 3", [CHWN, [6, 3, 3, 3]], CONV],
    ["bias [5] must be [6]", [CHWN, [6, 4, 3, 3], [5]], CONV],
    ["expected float32 elements, got int32", [CHWN, { dtype: "int32", shape: [6, 4, 3, 3] }], CONV],
  ],
  convChwnInputGradient: [
    ["expected 2 inputs, got 1", [CHWN], { ...CONV, inputShape: [9, 7] }],
    ["dy is [4, 7, 5, 2], a convChwn from [3, 9, 8, 2] gives [4, 7, 6, 2]", [CHWN, [4, 3, 3, 3]], { ...CONV, inputShape: [9, 8] }],
    ["groups 2 must be 1", [CHWN, [4, 3, 3, 3]], { ...CONV, groups: 2, inputShape: [9, 7] }],
    ["expected float32 elements, got int32", [CHWN, { dtype: "int32", shape: [4, 3, 3, 3] }], { ...CONV, inputShape: [9, 7] }],
  ],
  convInputGradient: [
    ["expected 2 inputs, got 1", [X], { ...CONV, inputShape: [9, 7] }],
    ["dy is [2, 4, 7, 5], a conv from [2, 3, 9, 8] gives [2, 4, 7, 6]", [X, [4, 3, 3, 3]], { ...CONV, inputShape: [9, 8] }],
    ["dy is [2, 4, 7, 5], a conv from [2, 3, 9, 7] gives [2, 6, 7, 5]", [X, [6, 3, 3, 3]], { ...CONV, inputShape: [9, 7] }],
    ["weight [4, 3, 3, 2] does not have kernelShape [3, 3]", [X, [4, 3, 3, 2]], { ...CONV, inputShape: [9, 7] }],
    ["window of 3 does not fit size 2 with padding 0 on spatial axis 1", [X, [4, 3, 3, 3]], { ...CONV, inputShape: [9, 2] }],
    ["expected float32 elements, got int32", [X, { dtype: "int32", shape: [4, 3, 3, 3] }], { ...CONV, inputShape: [9, 7] }],
  ],
  convTranspose: convTransposes(),
  convWeightGradient: [
    ["expected 2 inputs, got 1", [X], CONV],
    ["dy is [2, 6, 5, 4], a conv from [2, 4, 7, 5] gives [2, 6, 5, 3]", [X, [2, 6, 5, 4]], CONV],
    ["dy is [3, 6, 5, 3], a conv from [2, 4, 7, 5] gives [2, 6, 5, 3]", [X, [3, 6, 5, 3]], CONV],
    ["groups 4 does not divide 6 output channels", [X, [2, 6, 5, 3]], { ...CONV, groups: 4 }],
    ["groups 3 does not divide 4 input channels", [X, [2, 6, 5, 3]], { ...CONV, groups: 3 }],
    ["groups 0 must be an integer of at least 1", [X, [2, 6, 5, 3]], { ...CONV, groups: 0 }],
    ['number of output channels must be a number, got "M"', [X, [2, "M", 5, 3]], CONV],
  ],
  instanceNormalization: [
    ...brokenVectors([X], ["scale", "shift"], NORM),
    ["expected an input [N, C, spatial…], got [2, 4]", [[2, 4], [4], [4]], NORM],
  ],
  instanceNormalizationGradient: brokenVectors([X, X], ["scale"], NORM),
  lpNormalizationGradient: [
    ["expected 2 inputs, got 1", [X], L2],
    ["axis 4 must be an integer from 0 to 3", [X, X], { ...L2, axis: 4 }],
    ["p 1 must be 2", [X, X], { ...L2, p: 1 }],
    ["epsilon 0 must be positive", [X, X], { ...L2, epsilon: 0 }],
    ["[2, 4, 7, 5] and [2, 4] differ", [X, [2, 4]], L2],
  ],
  lrnGradient: [
    ["expected 2 inputs, got 1", [X], LRN],
    ["size 0 must be an integer of at least 1", [X, X], { ...LRN, size: 0 }],
    ["[2, 4, 7, 5] and [2, 4, 5, 7] differ", [X, [2, 4, 5, 7]], LRN],
  ],
  maxPoolGradient: [
    ["expected 3 inputs, got 1", [X], POOL],
    ["the batch must be a number, got [N, 4, 7, 5]", [UNKNOWN_BATCH, ["N", 4, 5, 3], ["N", 4, 5, 3]], POOL],
    ["y is [2, 4, 5, 4], a maxPool from [2, 4, 7, 5] gives [2, 4, 5, 3]", [X, [2, 4, 5, 4], [2, 4, 5, 3]], POOL],
    ["dy is [2, 4, 7, 5], a maxPool from [2, 4, 7, 5] gives [2, 4, 5, 3]", [X, [2, 4, 5, 3], X], POOL],
    ["pads [0, 3, 0, 0] must be smaller than kernelShape [3, 3]", [X, [2, 4, 5, 3], X], { ...POOL, pads: [0, 3, 0, 0] }],
  ],
};

function convTransposes(): readonly Broken[] {
  const given = { ...windowOf([3, 3], { strides: [2, 2] }), groups: 1, outputPadding: [0, 0] };
  const weight: Shape = [4, 6, 3, 3];
  return [
    ["expected x, w and maybe a bias, got 1 inputs", [X], given],
    ["weight [4, 6, 3, 2] does not have kernelShape [3, 3]", [X, [4, 6, 3, 2]], given],
    ["input has 4 channels, weight [5, 6, 3, 3] expects 5", [X, [5, 6, 3, 3]], given],
    ["groups 3 does not divide 4 input channels", [X, weight], { ...given, groups: 3 }],
    ["groups 0.5 must be an integer of at least 1", [X, weight], { ...given, groups: 0.5 }],
    ["bias [4] must be [6]", [X, weight, [4]], given],
    ["strides [0, 2] must be 2 integers of at least 1", [X, weight], { ...given, strides: [0, 2] }],
    ["outputPadding [1] must be 2 integers of at least 0", [X, weight], { ...given, outputPadding: [1] }],
    ["outputPadding [0, 2] must be less than strides [2, 2]", [X, weight], { ...given, outputPadding: [0, 2] }],
    ["padding 16 leaves nothing of size 7 on spatial axis 0", [X, weight], { ...given, pads: [8, 0, 8, 0] }],
  ];
}
