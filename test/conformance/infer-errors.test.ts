import { describe, expect, test } from "vitest";
import { InceptionError } from "../../src/errors.js";
import type { Attributes } from "../../src/ir/graph.js";
import { inferNode, OPS, opDef } from "../../src/ops/index.js";
import type { Shape } from "../../src/tensor/shape.js";
import { BROKEN_GRADIENT_OPS } from "../broken-gradient-ops.js";
import { BROKEN_TENSOR_OPS, type Broken } from "../broken-tensor-ops.js";
import { windowOf } from "../op-cases/op-case.js";

const X: Shape = ["N", 4, 7, 5];
const POOL = { ...windowOf([3, 3]), ceilMode: false };
const CONV = { ...windowOf([3, 3]), groups: 1 };
const NORM = { epsilon: 1e-3 };

/** What every op with a sliding window refuses, on a map of 7 by 5. */
function brokenWindows(given: Attributes, weights: readonly Shape[]): readonly Broken[] {
  return [
    ["kernelShape [3] must be 2 integers of at least 1", [X, ...weights], { ...given, kernelShape: [3] }],
    ["kernelShape [0, 3] must be 2 integers of at least 1", [X, ...weights], { ...given, kernelShape: [0, 3] }],
    ["strides [2] must be 2 integers of at least 1", [X, ...weights], { ...given, strides: [2] }],
    ["strides [0, 1] must be 2 integers of at least 1", [X, ...weights], { ...given, strides: [0, 1] }],
    ["dilations [1, 1, 1] must be 2 integers of at least 1", [X, ...weights], { ...given, dilations: [1, 1, 1] }],
    ["dilations [1, 1.5] must be 2 integers of at least 1", [X, ...weights], { ...given, dilations: [1, 1.5] }],
    ["pads [1, 1] must be 4 integers of at least 0", [X, ...weights], { ...given, pads: [1, 1] }],
    ["pads [0, 0, 0, -1] must be 4 integers of at least 0", [X, ...weights], { ...given, pads: [0, 0, 0, -1] }],
    [
      "window of 9 does not fit size 5 with padding 3 on spatial axis 1",
      [X, ...weights],
      { ...given, dilations: [1, 4], pads: [0, 1, 0, 2] },
    ],
    ["window of 3 does not fit size 2 with padding 0 on spatial axis 0", [["N", 4, 2, 5], ...weights], given],
  ];
}

function brokenPools(given: Attributes): readonly Broken[] {
  return [
    ...brokenWindows(given, []),
    ["expected 1 inputs, got 2", [X, X], given],
    ["expected an input [N, C, spatial…], got [N, 4]", [["N", 4]], given],
    ['spatial size 1 must be a number, got "W"', [["N", 4, 7, "W"]], given],
    ["pads [0, 3, 0, 0] must be smaller than kernelShape [3, 3]", [X], { ...given, pads: [0, 3, 0, 0] }],
    ["pads [0, 0, 1, 3] must be smaller than kernelShape [3, 3]", [X], { ...given, pads: [0, 0, 1, 3] }],
  ];
}

const BROKEN: Readonly<Record<string, readonly Broken[]>> = {
  ...BROKEN_GRADIENT_OPS,
  ...BROKEN_TENSOR_OPS,
  adaptiveAveragePool: [
    ["expected 1 inputs, got 0", [], { outputShape: [4, 4] }],
    ["expected an input [N, C, spatial…], got [N, 4]", [["N", 4]], { outputShape: [4, 4] }],
    ["expected an input [N, C, H, W], got rank 5", [["N", 4, 3, 3, 3]], { outputShape: [4, 4] }],
    ["outputShape [4] must be 2 integers of at least 1", [X], { outputShape: [4] }],
    ["outputShape [4, 0] must be 2 integers of at least 1", [X], { outputShape: [4, 0] }],
    ["outputShape [1.5, 4] must be 2 integers of at least 1", [X], { outputShape: [1.5, 4] }],
  ],
  averagePool: brokenPools({ ...POOL, countIncludePad: false }),
  batchNormalization: [
    ["expected 5 inputs, got 4", [X, [4], [4], [4]], NORM],
    ['number of channels must be a number, got "C"', [["N", "C", 7], [4], [4], [4], [4]], NORM],
    ["number of channels must be a number, got no such axis", [["N"], [4], [4], [4], [4]], NORM],
    ["scale [3] must be [4]", [X, [3], [4], [4], [4]], NORM],
    ["shift [4, 1] must be [4]", [X, [4], [4, 1], [4], [4]], NORM],
    ["mean [] must be [4]", [X, [4], [4], [], [4]], NORM],
    ["variance [5] must be [4]", [X, [4], [4], [4], [5]], NORM],
    ["epsilon 0 must be positive", [X, [4], [4], [4], [4]], { epsilon: 0 }],
    ["epsilon NaN must be positive", [X, [4], [4], [4], [4]], { epsilon: Number.NaN }],
  ],
  concat: [
    ["expected at least 1 input, got 0", [], { axis: 1 }],
    ["axis 4 must be an integer from 0 to 3", [X, X], { axis: 4 }],
    ["axis -1 must be an integer from 0 to 3", [X, X], { axis: -1 }],
    ["axis 0.5 must be an integer from 0 to 3", [X, X], { axis: 0.5 }],
    ["input [N, 4, 7, 6] differs from [N, 4, 7, 5] on another axis than 1", [X, ["N", 4, 7, 6]], { axis: 1 }],
    ["input [N, 4, 7] differs from [N, 4, 7, 5] on another axis than 1", [X, ["N", 4, 7]], { axis: 1 }],
    ['size on axis 0 must be a number, got "N"', [X, X], { axis: 0 }],
  ],
  conv: [
    ...brokenWindows(CONV, [[6, 4, 3, 3]]).filter(([fact]) => !fact.startsWith("kernelShape")),
    ["kernelShape [3] must be 2 integers of at least 1", [X, [6, 4, 3]], { ...CONV, kernelShape: [3] }],
    ["kernelShape [0, 3] must be 2 integers of at least 1", [X, [6, 4, 0, 3]], { ...CONV, kernelShape: [0, 3] }],
    ["expected x, w and maybe a bias, got 1 inputs", [X], CONV],
    ["expected x, w and maybe a bias, got 4 inputs", [X, [6, 4, 3, 3], [6], [6]], CONV],
    [
      "expected an input [N, C, spatial…], got [N, 4]",
      [
        ["N", 4],
        [6, 4],
      ],
      CONV,
    ],
    [
      'spatial size 0 must be a number, got "H"',
      [
        ["N", 4, "H", 5],
        [6, 4, 3, 3],
      ],
      CONV,
    ],
    [
      'number of input channels must be a number, got "C"',
      [
        ["N", "C", 7, 5],
        [6, 4, 3, 3],
      ],
      CONV,
    ],
    ['weight size 1 must be a number, got "C"', [X, [6, "C", 3, 3]], CONV],
    ["weight [6, 4, 3, 2] does not have kernelShape [3, 3]", [X, [6, 4, 3, 2]], CONV],
    ["weight [6, 4] does not have kernelShape [3, 3]", [X, [6, 4]], CONV],
    ["weight [] does not have kernelShape []", [X, []], { ...CONV, kernelShape: [] }],
    ["input has 4 channels, weight [6, 3, 3, 3] with groups 1 expects 3", [X, [6, 3, 3, 3]], CONV],
    ["input has 4 channels, weight [6, 4, 3, 3] with groups 2 expects 8", [X, [6, 4, 3, 3]], { ...CONV, groups: 2 }],
    ["groups 0 must be an integer of at least 1", [X, [6, 4, 3, 3]], { ...CONV, groups: 0 }],
    [
      "groups 2.5 must be an integer of at least 1",
      [
        ["N", 5, 7, 5],
        [5, 2, 3, 3],
      ],
      { ...CONV, groups: 2.5 },
    ],
    ["groups 2 does not divide 5 output channels", [X, [5, 2, 3, 3]], { ...CONV, groups: 2 }],
    ["bias [5] must be [6]", [X, [6, 4, 3, 3], [5]], CONV],
    ["bias [6, 1] must be [6]", [X, [6, 4, 3, 3], [6, 1]], CONV],
  ],
  dropout: [
    ["expected 1 inputs, got 2", [X, X], { dropRate: 0.5 }],
    ["dropRate 1 must be in [0, 1)", [X], { dropRate: 1 }],
    ["dropRate -0.1 must be in [0, 1)", [X], { dropRate: -0.1 }],
    ["dropRate NaN must be in [0, 1)", [X], { dropRate: Number.NaN }],
  ],
  flatten: [
    ["expected 1 inputs, got 0", []],
    ['size 2 must be a number, got "H"', [["N", 4, "H"]]],
  ],
  gemm: [
    ["expected x, w and maybe a bias, got 1 inputs", [["N", 4]]],
    ["expected x, w and maybe a bias, got 4 inputs", [["N", 4], [3, 4], [3], [3]]],
    [
      "expected x [N, C] and w [M, C], got [N, 4, 1, 1] and [3, 4]",
      [
        ["N", 4, 1, 1],
        [3, 4],
      ],
    ],
    [
      "expected x [N, C] and w [M, C], got [N, 4] and [3, 4, 1, 1]",
      [
        ["N", 4],
        [3, 4, 1, 1],
      ],
    ],
    [
      'number of features must be a number, got "C"',
      [
        ["N", "C"],
        [3, 4],
      ],
    ],
    [
      'number of outputs must be a number, got "M"',
      [
        ["N", 4],
        ["M", 4],
      ],
    ],
    [
      "input has 4 features, weight [3, 5] expects 5",
      [
        ["N", 4],
        [3, 5],
      ],
    ],
    ["bias [4] must be [3]", [["N", 4], [3, 4], [4]]],
    [
      "bias [3, 1] must be [3]",
      [
        ["N", 4],
        [3, 4],
        [3, 1],
      ],
    ],
  ],
  globalAveragePool: [
    ["expected 1 inputs, got 2", [X, X]],
    ["expected an input [N, C, spatial…], got [N, 4]", [["N", 4]]],
    ['spatial size 0 must be a number, got "H"', [["N", 4, "H", 5]]],
  ],
  lpNormalization: [
    ["expected 1 inputs, got 0", [], { axis: 1, p: 2, epsilon: 1e-12 }],
    ["axis 2 must be an integer from 0 to 1", [["N", 4]], { axis: 2, p: 2, epsilon: 1e-12 }],
    ["axis -1 must be an integer from 0 to 1", [["N", 4]], { axis: -1, p: 2, epsilon: 1e-12 }],
    ["p 1 must be 2", [["N", 4]], { axis: 1, p: 1, epsilon: 1e-12 }],
    ["epsilon 0 must be positive", [["N", 4]], { axis: 1, p: 2, epsilon: 0 }],
  ],
  lrn: [
    ["expected 1 inputs, got 2", [X, X], { size: 5, alpha: 1, beta: 1, bias: 1 }],
    ["expected an input [N, C, spatial…], got [N, 4]", [["N", 4]], { size: 5, alpha: 1, beta: 1, bias: 1 }],
    ['number of channels must be a number, got "C"', [["N", "C", 7, 5]], { size: 5, alpha: 1, beta: 1, bias: 1 }],
    ["size 0 must be an integer of at least 1", [X], { size: 0, alpha: 1, beta: 1, bias: 1 }],
    ["size -1 must be an integer of at least 1", [X], { size: -1, alpha: 1, beta: 1, bias: 1 }],
    ["size 1.5 must be an integer of at least 1", [X], { size: 1.5, alpha: 1, beta: 1, bias: 1 }],
  ],
  maxPool: brokenPools(POOL),
  relu: [["expected 1 inputs, got 2", [X, X]]],
  scale: [
    ["expected 1 inputs, got 0", [], { factor: 1 }],
    ["factor Infinity must be finite", [X], { factor: Number.POSITIVE_INFINITY }],
    ["factor NaN must be finite", [X], { factor: Number.NaN }],
  ],
};

describe.each(Object.entries(BROKEN))("%s refuses", (op, broken) => {
  for (const [fact, inputs, attributes = {}] of broken) {
    test(fact, () => {
      const types = inputs.map((input) => ("dtype" in input ? input : { dtype: "float32" as const, shape: input }));
      const infer = () => inferNode({ op, path: "block.layer", attributes }, types);
      expect(infer).toThrow(InceptionError);
      const message = `Cannot infer shape of ${op} "block.layer": ${fact}`;
      expect(infer).toThrow(expect.objectContaining({ code: "SHAPE_INVALID", message }));
    });
  }
});

test("every op has a line here", () => {
  expect(Object.keys(BROKEN).sort()).toEqual(Object.keys(OPS));
});

test("a name that is no op", () => {
  expect(() => opDef("conv1d")).toThrow(
    expect.objectContaining({
      code: "SHAPE_INVALID",
      message: `Cannot infer shape of conv1d "": unknown op, expected one of ${Object.keys(OPS).join(", ")}`,
    }),
  );
});
