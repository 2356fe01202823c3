import { kerasVarsNames } from "./keras-vars.js";
import { kerasNames, type NamedBlock, type NamedBlocks, slimNames } from "./tensorflow.js";

const A = {
  branch1x1: "Branch_0/Conv2d_0a_1x1",
  branch5x5_1: "Branch_1/Conv2d_0a_1x1",
  branch5x5_2: "Branch_1/Conv2d_0b_5x5",
  branch3x3dbl_1: "Branch_2/Conv2d_0a_1x1",
  branch3x3dbl_2: "Branch_2/Conv2d_0b_3x3",
  branch3x3dbl_3: "Branch_2/Conv2d_0c_3x3",
  branch_pool: "Branch_3/Conv2d_0b_1x1",
} as const;
const REDUCTION_A = {
  // Both are 3×3 with stride 2, whatever slim calls them.
  branch3x3: "Branch_0/Conv2d_1a_1x1",
  branch3x3dbl_1: "Branch_1/Conv2d_0a_1x1",
  branch3x3dbl_2: "Branch_1/Conv2d_0b_3x3",
  branch3x3dbl_3: "Branch_1/Conv2d_1a_1x1",
} as const;
const B = {
  branch1x1: "Branch_0/Conv2d_0a_1x1",
  branch7x7_1: "Branch_1/Conv2d_0a_1x1",
  branch7x7_2: "Branch_1/Conv2d_0b_1x7",
  branch7x7_3: "Branch_1/Conv2d_0c_7x1",
  branch7x7dbl_1: "Branch_2/Conv2d_0a_1x1",
  branch7x7dbl_2: "Branch_2/Conv2d_0b_7x1",
  branch7x7dbl_3: "Branch_2/Conv2d_0c_1x7",
  branch7x7dbl_4: "Branch_2/Conv2d_0d_7x1",
  branch7x7dbl_5: "Branch_2/Conv2d_0e_1x7",
  branch_pool: "Branch_3/Conv2d_0b_1x1",
} as const;
const REDUCTION_B = {
  branch3x3_1: "Branch_0/Conv2d_0a_1x1",
  branch3x3_2: "Branch_0/Conv2d_1a_3x3",
  branch7x7x3_1: "Branch_1/Conv2d_0a_1x1",
  branch7x7x3_2: "Branch_1/Conv2d_0b_1x7",
  branch7x7x3_3: "Branch_1/Conv2d_0c_7x1",
  branch7x7x3_4: "Branch_1/Conv2d_1a_3x3",
} as const;
const C = {
  branch1x1: "Branch_0/Conv2d_0a_1x1",
  branch3x3_1: "Branch_1/Conv2d_0a_1x1",
  branch3x3_2a: "Branch_1/Conv2d_0b_1x3",
  branch3x3_2b: "Branch_1/Conv2d_0b_3x1",
  branch3x3dbl_1: "Branch_2/Conv2d_0a_1x1",
  branch3x3dbl_2: "Branch_2/Conv2d_0b_3x3",
  branch3x3dbl_3a: "Branch_2/Conv2d_0c_1x3",
  branch3x3dbl_3b: "Branch_2/Conv2d_0d_3x1",
  branch_pool: "Branch_3/Conv2d_0b_1x1",
} as const;

/** The places of a block's convolutions in the order in which Keras 3 saves them. */
const SAVED = {
  A: [3, 1, 4, 0, 2, 5, 6],
  reductionA: [1, 2, 0, 3],
  B: [4, 5, 1, 6, 2, 7, 0, 3, 8, 9],
  reductionB: [2, 3, 0, 4, 1, 5],
  C: [4, 1, 5, 2, 3, 6, 7, 0, 8],
} as const;

const mixed = (name: string, layers: NamedBlock["layers"], first: number, order: readonly number[]): NamedBlock => ({
  path: new RegExp(`^Mixed_${name}$`),
  scope: () => `Mixed_${name}`,
  layers,
  keras: { first, saved: { first: first - 1, order } },
});

const BLOCKS: NamedBlocks = [
  {
    path: /^$/,
    scope: () => "",
    layers: {
      Conv2d_1a_3x3: "Conv2d_1a_3x3",
      Conv2d_2a_3x3: "Conv2d_2a_3x3",
      Conv2d_2b_3x3: "Conv2d_2b_3x3",
      Conv2d_3b_1x1: "Conv2d_3b_1x1",
      Conv2d_4a_3x3: "Conv2d_4a_3x3",
    },
    keras: { first: 1, saved: { first: 0, order: [0, 1, 2, 3, 4] } },
  },
  mixed("5b", A, 6, SAVED.A),
  mixed("5c", { ...A, branch5x5_1: "Branch_1/Conv2d_0b_1x1", branch5x5_2: "Branch_1/Conv_1_0c_5x5" }, 13, SAVED.A),
  mixed("5d", A, 20, SAVED.A),
  mixed("6a", REDUCTION_A, 27, SAVED.reductionA),
  mixed("6b", B, 31, SAVED.B),
  mixed("6c", B, 41, SAVED.B),
  mixed("6d", B, 51, SAVED.B),
  mixed("6e", B, 61, SAVED.B),
  mixed("7a", REDUCTION_B, 71, SAVED.reductionB),
  mixed("7b", C, 77, SAVED.C),
  mixed("7c", { ...C, branch3x3_2b: "Branch_1/Conv2d_0c_3x1" }, 86, SAVED.C),
];

const HEADS: NamedBlocks = [
  { path: /^$/, scope: () => "Logits", layers: { fc: "Conv2d_1c_1x1" } },
  { path: /^AuxLogits$/, scope: () => "AuxLogits", layers: { conv0: "Conv2d_1b_1x1", conv1: "Conv2d_2a_5x5", fc: "Conv2d_2b_1x1" } },
];

/** slim's inception_v3. */
export const SLIM_V3 = slimNames("slim", "InceptionV3", [...BLOCKS, ...HEADS], [/^InceptionV3\/AuxLogits\/.*$/]);

/** InceptionV3 of Keras Applications, which has no auxiliary head. */
export const KERAS_V3 = kerasNames(BLOCKS, (unit) => (unit === "fc" ? ["predictions", "predictions"] : null));

/** The same, saved by Keras 3. */
export const KERAS_VARS_V3 = kerasVarsNames(BLOCKS, "fc");
