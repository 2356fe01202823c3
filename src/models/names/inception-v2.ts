import { type NamedBlocks, slimNames } from "./tensorflow.js";

/** Our units are flat: `inception_3a_1x1`, and its normalization `inception_3a_1x1_bn`. */
const KEEPING: readonly (readonly [ours: string, theirs: string])[] = [
  ["1x1", "Branch_0/Conv2d_0a_1x1"],
  ["3x3_reduce", "Branch_1/Conv2d_0a_1x1"],
  ["3x3", "Branch_1/Conv2d_0b_3x3"],
  ["double_3x3_reduce", "Branch_2/Conv2d_0a_1x1"],
  ["double_3x3_1", "Branch_2/Conv2d_0b_3x3"],
  ["double_3x3_2", "Branch_2/Conv2d_0c_3x3"],
  ["pool_proj", "Branch_3/Conv2d_0b_1x1"],
];
const HALVING: readonly (readonly [ours: string, theirs: string])[] = [
  ["3x3_reduce", "Branch_0/Conv2d_0a_1x1"],
  ["3x3", "Branch_0/Conv2d_1a_3x3"],
  ["double_3x3_reduce", "Branch_1/Conv2d_0a_1x1"],
  ["double_3x3_1", "Branch_1/Conv2d_0b_3x3"],
  ["double_3x3_2", "Branch_1/Conv2d_1a_3x3"],
];

const ROWS: readonly (readonly [ours: string, theirs: string, layers: typeof KEEPING])[] = [
  ["3a", "Mixed_3b", KEEPING],
  ["3b", "Mixed_3c", KEEPING],
  ["3c", "Mixed_4a", HALVING],
  ["4a", "Mixed_4b", KEEPING],
  ["4b", "Mixed_4c", KEEPING],
  ["4c", "Mixed_4d", KEEPING],
  ["4d", "Mixed_4e", KEEPING],
  ["4e", "Mixed_5a", HALVING],
  ["5a", "Mixed_5b", KEEPING],
  ["5b", "Mixed_5c", KEEPING],
];

const BLOCKS: NamedBlocks = [
  {
    path: /^$/,
    scope: () => "",
    layers: {
      conv1_7x7_s2: "Conv2d_1a_7x7",
      conv2_3x3_reduce: "Conv2d_2b_1x1",
      conv2_3x3: "Conv2d_2c_3x3",
      ...Object.fromEntries(
        ROWS.flatMap(([ours, scope, layers]) => layers.map(([unit, layer]) => [`inception_${ours}_${unit}`, `${scope}/${layer}`])),
      ),
      last_linear: "Logits/Conv2d_1c_1x1",
    },
  },
];

/** slim's inception_v2. */
export const SLIM_V2 = slimNames("slim", "InceptionV2", BLOCKS, []);
