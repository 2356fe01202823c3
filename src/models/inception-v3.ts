/**
 * Inception-v3, arXiv:1512.00567, 2015.
 *
 * `public`: the network that slim (Apache-2.0), Keras, torchvision (BSD-3-Clause) and timm ship. Paths are torchvision's.
 * torchvision and timm count the padding in the average pools of the blocks, slim and Keras do not: `countIncludePad`.
 *
 * `fid`: the graph of 2015 that Fréchet distances are computed with, under the names of pytorch-fid's weight file: 1008
 * classes, padding not counted, and a max pool in the last block.
 *
 * `table`: the network of the paper's table 1 and of figure 7 of specification document 004, read so that all stated
 * sizes come out; no weights exist for it. The widths inside its five 17×17 blocks are not stated and follow the public
 * network's. docs/errata.md lists what the table leaves open.
 */
import type { Graph } from "../ir/graph.js";
import { type BranchContext, type Branches, conv, reducePool, runBranches, runSteps, type Step } from "../layers/branches.js";
import { dropout, globalPool, linear } from "../layers/head.js";
import { GraphBuilder, type Ref } from "../ops/build.js";
import { booleanOption, choiceOption, type OptionInput, resolveOptions } from "../options.js";
import { auxiliaryHead } from "./auxiliary.js";
import { commonOptions, scaleWidth } from "./options.js";

type Form = "public" | "table" | "fid";

/** The smallest square input for which the last map has a pixel. */
export const INCEPTION_V3_MIN_SIZE = 75;

/** The epsilon of every batch normalization in slim, Keras, torchvision and timm. */
const BN_EPSILON = 1e-3;

function options(form: Form) {
  return {
    ...commonOptions({
      numClasses: form === "fid" ? 1008 : 1000,
      leastClasses: 1,
      inputSize: 299,
      minInputSize: INCEPTION_V3_MIN_SIZE,
      // torchvision's; slim drops 0.2 and timm nothing. The paper does not say.
      dropRate: form === "public" ? 0.5 : 0.2,
    }),
    aux: booleanOption("Add the auxiliary classifier after the last 17×17 block (training only).", false),
    countIncludePad: booleanOption(
      "Include padding zeros in average pooling inside blocks (PyTorch's `count_include_pad`).",
      form === "public",
    ),
    lastPool: choiceOption("Pooling in the last block: average or max.", form === "fid" ? "max" : "average", ["average", "max"]),
  };
}

export const INCEPTION_V3_OPTIONS = { public: options("public"), table: options("table"), fid: options("fid") };

/** Steps of the stem in order; of the table rows 1 to 7 with the padding that gives the sizes of the rows behind them. */
const STEMS: Readonly<Record<"public" | "table", readonly Step[]>> = {
  public: [
    conv("Conv2d_1a_3x3", 32, [3, 3], 2, "valid"),
    conv("Conv2d_2a_3x3", 32, [3, 3], 1, "valid"),
    conv("Conv2d_2b_3x3", 64, [3, 3]),
    reducePool("maxpool1"),
    conv("Conv2d_3b_1x1", 80, [1, 1]),
    conv("Conv2d_4a_3x3", 192, [3, 3], 1, "valid"),
    reducePool("maxpool2"),
  ],
  table: [
    conv("Conv2d_1a_3x3", 32, [3, 3], 2, "valid"),
    conv("Conv2d_2a_3x3", 32, [3, 3], 1, "valid"),
    conv("Conv2d_2b_3x3", 64, [3, 3]),
    reducePool("maxpool1"),
    conv("Conv2d_3b_3x3", 80, [3, 3], 1, "valid"),
    conv("Conv2d_4a_3x3", 192, [3, 3], 2, "valid"),
    conv("Conv2d_4b_3x3", 288, [3, 3]),
  ],
};

/** Widths of the pool projections of the 35×35 blocks and of the seven-tap branches of the 17×17 blocks. */
const WIDTHS = {
  public: { pools: [32, 64, 64], sevens: [128, 160, 160, 192] },
  table: { pools: [64, 64, 64], sevens: [128, 160, 160, 160, 192] },
} as const;

/**
 * Inception-v3 as a graph: input [N, inChannels, H, W] → "logits" [N, numClasses], "features" [N, 2048] and, with `aux`,
 * "aux" [N, numClasses].
 */
export function inceptionV3(form: Form, given: OptionInput = {}): Graph {
  const id = `inception_v3.${form}`;
  const values = resolveOptions(id, INCEPTION_V3_OPTIONS[form], given);
  const b = new GraphBuilder(id);
  const width = (channels: number): number => scaleWidth(channels, values.widthMultiplier);
  const context: BranchContext = { b, style: { kind: "batch_norm", epsilon: BN_EPSILON }, width };
  const rows = form === "table" ? "table" : "public";
  let x = b.input("input", ["N", values.inChannels, ...values.inputSize]);
  for (const step of STEMS[rows]) x = b.stage(step.name, runSteps(context, "", x, [step]));
  const stage = (path: string, from: Ref, branches: Branches): Ref => b.stage(path, runBranches(context, path, path, from, branches));
  for (const block of blocks(WIDTHS[rows], values.countIncludePad)) {
    if (block.name === "Mixed_7a" && values.aux) auxiliaryHead(context, x, values.numClasses, "fixed");
    x = stage(block.name, x, block.branches);
  }
  const count = values.countIncludePad;
  x = stage("Mixed_7b", x, expanded(poolStep("average", count)));
  x = stage("Mixed_7c", x, expanded(poolStep(values.lastPool, count)));
  const features = globalPool(b, "avgpool", x, "map");
  b.output("logits", b.stage("fc", linear(b, "fc", dropout(b, "dropout", features, values.dropRate), values.numClasses)));
  b.output("features", features);
  return b.finish();
}

/** Everything between the stem and the 8×8 blocks, in order; blocks of one size are lettered from b, or from a for a reduction. */
function blocks(
  { pools, sevens }: (typeof WIDTHS)["public" | "table"],
  countIncludePad: boolean,
): readonly { readonly name: string; readonly branches: Branches }[] {
  const pool = poolStep("average", countIncludePad);
  return [
    ...pools.map((projection, index) => ({ name: `Mixed_5${"bcd"[index]}`, branches: wide(pool, projection) })),
    { name: "Mixed_6a", branches: REDUCTION_A },
    ...sevens.map((width, index) => ({ name: `Mixed_6${"bcdef"[index]}`, branches: factorized(pool, width) })),
    { name: "Mixed_7a", branches: REDUCTION_B },
  ];
}

/** The 3×3 pool of a block, stride 1. Max pools pad with minus infinity, so that nothing is counted. */
function poolStep(kind: "average" | "max", countIncludePad: boolean): Step {
  const pool = { size: 3, stride: 1, padding: "symmetric" } as const;
  return kind === "max" ? { name: "pool", maxPool: pool } : { name: "pool", averagePool: pool, countIncludePad };
}

/** Figure 5, on 35×35: the middle branch is 5×5 in every public network, where the figure has two 3×3. */
function wide(pool: Step, projection: number): Branches {
  return [
    [conv("branch1x1", 64, [1, 1])],
    [conv("branch5x5_1", 48, [1, 1]), conv("branch5x5_2", 64, [5, 5])],
    [conv("branch3x3dbl_1", 64, [1, 1]), conv("branch3x3dbl_2", 96, [3, 3]), conv("branch3x3dbl_3", 96, [3, 3])],
    [pool, conv("branch_pool", projection, [1, 1])],
  ];
}

/** Figure 10, from 35×35 to 17×17. */
const REDUCTION_A: Branches = [
  [conv("branch3x3", 384, [3, 3], 2, "valid")],
  [conv("branch3x3dbl_1", 64, [1, 1]), conv("branch3x3dbl_2", 96, [3, 3]), conv("branch3x3dbl_3", 96, [3, 3], 2, "valid")],
  [reducePool("pool")],
];

/** Figure 6 with n = 7, on 17×17. */
function factorized(pool: Step, width: number): Branches {
  return [
    [conv("branch1x1", 192, [1, 1])],
    [conv("branch7x7_1", width, [1, 1]), conv("branch7x7_2", width, [1, 7]), conv("branch7x7_3", 192, [7, 1])],
    [
      conv("branch7x7dbl_1", width, [1, 1]),
      conv("branch7x7dbl_2", width, [7, 1]),
      conv("branch7x7dbl_3", width, [1, 7]),
      conv("branch7x7dbl_4", width, [7, 1]),
      conv("branch7x7dbl_5", 192, [1, 7]),
    ],
    [pool, conv("branch_pool", 192, [1, 1])],
  ];
}

/** From 17×17 to 8×8. */
const REDUCTION_B: Branches = [
  [conv("branch3x3_1", 192, [1, 1]), conv("branch3x3_2", 320, [3, 3], 2, "valid")],
  [
    conv("branch7x7x3_1", 192, [1, 1]),
    conv("branch7x7x3_2", 192, [1, 7]),
    conv("branch7x7x3_3", 192, [7, 1]),
    conv("branch7x7x3_4", 192, [3, 3], 2, "valid"),
  ],
  [reducePool("pool")],
];

/** Figure 7, on 8×8: two branches end in a 1×3 and a 3×1 convolution side by side. */
function expanded(pool: Step): Branches {
  return [
    [conv("branch1x1", 320, [1, 1])],
    [conv("branch3x3_1", 384, [1, 1]), { fork: [conv("branch3x3_2a", 384, [1, 3]), conv("branch3x3_2b", 384, [3, 1])] }],
    [
      conv("branch3x3dbl_1", 448, [1, 1]),
      conv("branch3x3dbl_2", 384, [3, 3]),
      { fork: [conv("branch3x3dbl_3a", 384, [1, 3]), conv("branch3x3dbl_3b", 384, [3, 1])] },
    ],
    [pool, conv("branch_pool", 192, [1, 1])],
  ];
}
