/**
 * Inception-v4, arXiv:1602.07261, 2016.
 *
 * `public`: the network that slim (Apache-2.0) and timm ship, which is the paper's: stem, 4 A blocks, reduction A, 7 B
 * blocks, reduction B, 3 C blocks. Where the paper's figures order the factorized convolutions of B and C otherwise, or
 * leave out a stride, slim decides (docs/errata.md). Paths are timm's `features.<index>`; the auxiliary head is slim's,
 * with Inception-v3's names.
 */
import type { Graph } from "../ir/graph.js";
import { type BranchContext, type Branches, conv, reducePool, runBranches, runSteps, type Step } from "../layers/branches.js";
import { dropout, globalPool, linear } from "../layers/head.js";
import { GraphBuilder, type Ref } from "../ops/build.js";
import { booleanOption, listOption, type OptionInput, resolveOptions } from "../options.js";
import { auxiliaryHead } from "./auxiliary.js";
import { commonOptions, scaleWidth } from "./options.js";

/** The smallest square input for which the last map has a pixel. */
export const INCEPTION_V4_MIN_SIZE = 75;

/** The epsilon of every batch normalization in slim and timm. */
const BN_EPSILON = 1e-3;

export const INCEPTION_V4_OPTIONS = {
  ...commonOptions({ numClasses: 1000, leastClasses: 1, inputSize: 299, minInputSize: INCEPTION_V4_MIN_SIZE, dropRate: 0.2 }),
  repeats: listOption("Number of A, B and C blocks.", [4, 7, 3], 0, 100, true),
  aux: booleanOption("Add slim's auxiliary classifier after the last B block (training only).", false),
};

const STEM: readonly Step[] = [conv("0", 32, [3, 3], 2, "valid"), conv("1", 32, [3, 3], 1, "valid"), conv("2", 64, [3, 3])];

/** Figure 3 behind the first three convolutions: three times two branches. */
const STEM_BLOCKS: readonly Branches[] = [
  [[reducePool("maxpool")], [conv("conv", 96, [3, 3], 2, "valid")]],
  [
    [conv("branch0.0", 64, [1, 1]), conv("branch0.1", 96, [3, 3], 1, "valid")],
    [
      conv("branch1.0", 64, [1, 1]),
      conv("branch1.1", 64, [1, 7]),
      conv("branch1.2", 64, [7, 1]),
      conv("branch1.3", 96, [3, 3], 1, "valid"),
    ],
  ],
  [[conv("conv", 192, [3, 3], 2, "valid")], [reducePool("maxpool")]],
];

// Divided by the elements that exist, in slim as in timm.
const POOL: Step = { name: "branch3.0", averagePool: { size: 3, stride: 1, padding: "symmetric" }, countIncludePad: false };

/** Figure 4, on 35×35. */
const A: Branches = [
  [conv("branch0", 96, [1, 1])],
  [conv("branch1.0", 64, [1, 1]), conv("branch1.1", 96, [3, 3])],
  [conv("branch2.0", 64, [1, 1]), conv("branch2.1", 96, [3, 3]), conv("branch2.2", 96, [3, 3])],
  [POOL, conv("branch3.1", 96, [1, 1])],
];

/** Figure 7 with k, l, m, n = 192, 224, 256, 384 of table 1. */
const REDUCTION_A: Branches = [
  [conv("branch0", 384, [3, 3], 2, "valid")],
  [conv("branch1.0", 192, [1, 1]), conv("branch1.1", 224, [3, 3]), conv("branch1.2", 256, [3, 3], 2, "valid")],
  [reducePool("branch2")],
];

/** Figure 5, on 17×17. */
const B: Branches = [
  [conv("branch0", 384, [1, 1])],
  [conv("branch1.0", 192, [1, 1]), conv("branch1.1", 224, [1, 7]), conv("branch1.2", 256, [7, 1])],
  [
    conv("branch2.0", 192, [1, 1]),
    conv("branch2.1", 192, [7, 1]),
    conv("branch2.2", 224, [1, 7]),
    conv("branch2.3", 224, [7, 1]),
    conv("branch2.4", 256, [1, 7]),
  ],
  [POOL, conv("branch3.1", 128, [1, 1])],
];

/** Figure 8. */
const REDUCTION_B: Branches = [
  [conv("branch0.0", 192, [1, 1]), conv("branch0.1", 192, [3, 3], 2, "valid")],
  [
    conv("branch1.0", 256, [1, 1]),
    conv("branch1.1", 256, [1, 7]),
    conv("branch1.2", 320, [7, 1]),
    conv("branch1.3", 320, [3, 3], 2, "valid"),
  ],
  [reducePool("branch2")],
];

/** Figure 6, on 8×8: two branches end in a 1×3 and a 3×1 convolution side by side. */
const C: Branches = [
  [conv("branch0", 256, [1, 1])],
  [conv("branch1_0", 384, [1, 1]), { fork: [conv("branch1_1a", 256, [1, 3]), conv("branch1_1b", 256, [3, 1])] }],
  [
    conv("branch2_0", 384, [1, 1]),
    conv("branch2_1", 448, [3, 1]),
    conv("branch2_2", 512, [1, 3]),
    { fork: [conv("branch2_3a", 256, [1, 3]), conv("branch2_3b", 256, [3, 1])] },
  ],
  [POOL, conv("branch3.1", 256, [1, 1])],
];

/**
 * Inception-v4 as a graph: input [N, inChannels, H, W] → "logits" [N, numClasses], "features" [N, 1536] and, with `aux`,
 * "aux" [N, numClasses].
 */
export function inceptionV4(given: OptionInput = {}): Graph {
  const id = "inception_v4.public";
  const options = resolveOptions(id, INCEPTION_V4_OPTIONS, given);
  const b = new GraphBuilder(id);
  const width = (channels: number): number => scaleWidth(channels, options.widthMultiplier);
  const context: BranchContext = { b, style: { kind: "batch_norm", epsilon: BN_EPSILON }, width };
  const map = body(context, options, b.input("input", ["N", options.inChannels, ...options.inputSize]));
  const features = globalPool(b, "global_pool", map, "vector");
  const dropped = dropout(b, "dropout", features, options.dropRate);
  b.output("logits", b.stage("last_linear", linear(b, "last_linear", dropped, options.numClasses)));
  b.output("features", features);
  return b.finish();
}

function body(
  context: BranchContext,
  { repeats, aux, numClasses }: { readonly repeats: readonly number[]; readonly aux: boolean; readonly numClasses: number },
  input: Ref,
): Ref {
  const { b } = context;
  const stem = STEM.reduce((from, step) => b.stage(`features.${step.name}`, runSteps(context, "features", from, [step])), input);
  const [a = 0, sevens = 0, c = 0] = repeats;
  const times = (count: number, branches: Branches) => Array.from({ length: count }, () => branches);
  const blocks = [...STEM_BLOCKS, ...times(a, A), REDUCTION_A, ...times(sevens, B), REDUCTION_B, ...times(c, C)];
  return blocks.reduce((from, branches, index) => {
    if (branches === REDUCTION_B && aux) auxiliaryHead(context, from, numClasses, "map");
    const path = `features.${STEM.length + index}`;
    return b.stage(path, runBranches(context, path, path, from, branches));
  }, stem);
}
