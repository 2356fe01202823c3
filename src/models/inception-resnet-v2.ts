/**
 * Inception-ResNet-v2, arXiv:1602.07261, 2016.
 *
 * `spec`: the network as drawn in specification document 001: the stem of Inception-v4 with batch normalization on each
 * convolution, then convolutions with bias and ReLU, one batch normalization after each sum and each reduction. Node
 * names are the drawing's. No weights exist for it.
 *
 * `paper`: the same widths and repeats with batch normalization after each convolution and none on the sums.
 *
 * `public`: the network that slim, Keras and timm (Apache-2.0) ship, which is not the paper's: another stem, one more
 * mixed block, 10/20/10 blocks and widths 320/1088/2080, a 1×1 convolution to 1536. Paths are timm's; the auxiliary
 * head is slim's, with Inception-v3's names.
 *
 * docs/errata.md lists where the sources disagree and what was chosen.
 */
import type { Graph } from "../ir/graph.js";
import { type BranchContext, type Branches, conv, reducePool, runBranches, runSteps, type Step } from "../layers/branches.js";
import type { ConvBlockStyle } from "../layers/conv-block.js";
import { dropout, globalPool, linear } from "../layers/head.js";
import { concatChannels } from "../layers/pooling.js";
import { GraphBuilder, type Ref } from "../ops/build.js";
import { booleanOption, type OptionInput, resolveOptions } from "../options.js";
import { auxiliaryHead } from "./auxiliary.js";
import { BN_EPSILON, drawnBody, MIN_SIZE, normPlacementOption, publicBody, residualOptions } from "./inception-resnet.js";
import { commonOptions, scaleWidth } from "./options.js";

type Form = "spec" | "paper" | "public";

function drawnOptions(form: "spec" | "paper") {
  return {
    ...commonOptions({ numClasses: 1000, leastClasses: 1, inputSize: 299, minInputSize: MIN_SIZE, dropRate: 0.2 }),
    ...residualOptions([5, 10, 5]),
    normPlacement: normPlacementOption(form),
  };
}

const PUBLIC_OPTIONS = {
  ...commonOptions({ numClasses: 1000, leastClasses: 1, inputSize: 299, minInputSize: MIN_SIZE, dropRate: 0.2 }),
  ...residualOptions([10, 20, 9]),
  aux: booleanOption("Add slim's auxiliary classifier after the last B block (training only).", false),
};

export const INCEPTION_RESNET_V2_OPTIONS = { spec: drawnOptions("spec"), paper: drawnOptions("paper"), public: PUBLIC_OPTIONS };

const BATCH_NORM: ConvBlockStyle = { kind: "batch_norm", epsilon: BN_EPSILON };

/**
 * Inception-ResNet-v2 as a graph: input [N, inChannels, H, W] → "logits" [N, numClasses], "features" [N, 1536] (2144 in
 * the drawn forms) and, with `aux`, "aux" [N, numClasses].
 */
export function inceptionResnetV2(form: Form, given: OptionInput = {}): Graph {
  return form === "public" ? publicForm(given) : drawnForm(form, given);
}

const DRAWN = {
  a: [
    [conv("conv_1x1", 32, [1, 1])],
    [conv("conv_3x3_a_reduce", 32, [1, 1]), conv("conv_3x3_a", 32, [3, 3])],
    [conv("conv_3x3_b_reduce", 32, [1, 1]), conv("conv_3x3_b1", 48, [3, 3]), conv("conv_3x3_b2", 64, [3, 3])],
  ],
  reductionA: [
    [conv("conv_3x3_a", 384, [3, 3], 2, "valid")],
    [conv("conv_3x3_b_reduce", 256, [1, 1]), conv("conv_3x3_b1", 256, [3, 3]), conv("conv_3x3_b2", 384, [3, 3], 2, "valid")],
    [reducePool("pool")],
  ],
  b: [[conv("conv_1x1", 192, [1, 1])], [conv("conv_reduce", 128, [1, 1]), conv("conv_1x7", 160, [1, 7]), conv("conv_7x1", 192, [7, 1])]],
  reductionB: [
    [conv("conv_3x3_a_reduce", 256, [1, 1]), conv("conv_3x3_a", 384, [3, 3], 2, "valid")],
    [conv("conv_3x3_b_reduce", 256, [1, 1]), conv("conv_3x3_b1", 288, [3, 3]), conv("conv_3x3_b2", 320, [3, 3], 2, "valid")],
    [conv("conv_3x3_c_reduce", 256, [1, 1]), conv("conv_3x3_c", 288, [3, 3], 2, "valid")],
    [reducePool("pool")],
  ],
  c: [[conv("conv_1x1", 192, [1, 1])], [conv("conv_reduce", 192, [1, 1]), conv("conv_1x3", 224, [1, 3]), conv("conv_3x1", 256, [3, 1])]],
} satisfies Record<string, Branches>;

function drawnForm(form: "spec" | "paper", given: OptionInput): Graph {
  const id = `inception_resnet_v2.${form}`;
  const options = resolveOptions(id, INCEPTION_RESNET_V2_OPTIONS[form], given);
  const b = new GraphBuilder(id);
  const width = (channels: number): number => scaleWidth(channels, options.widthMultiplier);
  const context: BranchContext = { b, width, style: options.normPlacement === "sum" ? { kind: "bias" } : BATCH_NORM };
  let x = drawnStem({ ...context, style: BATCH_NORM }, b.input("input", ["N", options.inChannels, ...options.inputSize]));
  x = drawnBody(context, DRAWN, options, x);
  const features = globalPool(b, "pool", x, "vector");
  const dropped = dropout(b, "dropout", features, options.dropRate);
  b.output("logits", b.stage("classifier", linear(b, "classifier", dropped, options.numClasses)));
  b.output("features", features);
  return b.finish();
}

/** [N, C, H, W] → [N, 384, 35, 35] for 299 pixels: the stem of Inception-v4. */
function drawnStem(context: BranchContext, input: Ref): Ref {
  const { b } = context;
  const steps = (x: Ref, ...list: readonly Step[]): Ref => runSteps(context, "stem", x, list);
  let x = b.stage("stem.conv1", steps(input, conv("conv1", 32, [3, 3], 2, "valid")));
  x = b.stage("stem.conv2", steps(x, conv("conv2", 32, [3, 3], 1, "valid")));
  x = b.stage("stem.conv3", steps(x, conv("conv3", 64, [3, 3])));
  // The drawing's pool4 says "p=2"; only stride 2 without padding gives its 73×73. The pool comes first, as in slim.
  const halved = [steps(x, reducePool("pool4")), steps(x, conv("conv4", 96, [3, 3], 2, "valid"))];
  x = b.stage("stem.concat4", concatChannels(b, "stem.concat4", halved));
  const narrow = steps(x, conv("conv5_3x3_a_reduce", 64, [1, 1]), conv("conv5_3x3_a", 96, [3, 3], 1, "valid"));
  const tall = [conv("conv5_3x3_b_reduce", 64, [1, 1]), conv("conv5_1x7_b", 64, [1, 7]), conv("conv5_7x1_b", 64, [7, 1])];
  const deep = steps(x, ...tall, conv("conv5_3x3_b", 96, [3, 3], 1, "valid"));
  x = b.stage("stem.concat5", concatChannels(b, "stem.concat5", [narrow, deep]));
  const last = [steps(x, conv("conv6", 192, [3, 3], 2, "valid")), steps(x, reducePool("pool6"))];
  return b.stage("stem.concat6", b.module("stem", concatChannels(b, "stem.concat6", last)));
}

const PUBLIC = {
  mixed5b: [
    [conv("branch0", 96, [1, 1])],
    [conv("branch1.0", 48, [1, 1]), conv("branch1.1", 64, [5, 5])],
    [conv("branch2.0", 64, [1, 1]), conv("branch2.1", 96, [3, 3]), conv("branch2.2", 96, [3, 3])],
    [
      { name: "branch3.0", averagePool: { size: 3, stride: 1, padding: "symmetric" }, countIncludePad: false },
      conv("branch3.1", 64, [1, 1]),
    ],
  ],
  a: [
    [conv("branch0", 32, [1, 1])],
    [conv("branch1.0", 32, [1, 1]), conv("branch1.1", 32, [3, 3])],
    [conv("branch2.0", 32, [1, 1]), conv("branch2.1", 48, [3, 3]), conv("branch2.2", 64, [3, 3])],
  ],
  reductionA: [
    [conv("branch0", 384, [3, 3], 2, "valid")],
    [conv("branch1.0", 256, [1, 1]), conv("branch1.1", 256, [3, 3]), conv("branch1.2", 384, [3, 3], 2, "valid")],
    [reducePool("branch2")],
  ],
  b: [[conv("branch0", 192, [1, 1])], [conv("branch1.0", 128, [1, 1]), conv("branch1.1", 160, [1, 7]), conv("branch1.2", 192, [7, 1])]],
  reductionB: [
    [conv("branch0.0", 256, [1, 1]), conv("branch0.1", 384, [3, 3], 2, "valid")],
    [conv("branch1.0", 256, [1, 1]), conv("branch1.1", 288, [3, 3], 2, "valid")],
    [conv("branch2.0", 256, [1, 1]), conv("branch2.1", 288, [3, 3]), conv("branch2.2", 320, [3, 3], 2, "valid")],
    [reducePool("branch3")],
  ],
  c: [[conv("branch0", 192, [1, 1])], [conv("branch1.0", 192, [1, 1]), conv("branch1.1", 224, [1, 3]), conv("branch1.2", 256, [3, 1])]],
} satisfies Record<string, Branches>;

const PUBLIC_STEM: readonly Step[] = [
  conv("conv2d_1a", 32, [3, 3], 2, "valid"),
  conv("conv2d_2a", 32, [3, 3], 1, "valid"),
  conv("conv2d_2b", 64, [3, 3]),
  reducePool("maxpool_3a"),
  conv("conv2d_3b", 80, [1, 1]),
  conv("conv2d_4a", 192, [3, 3], 1, "valid"),
  reducePool("maxpool_5a"),
];

function publicForm(given: OptionInput): Graph {
  const id = "inception_resnet_v2.public";
  const options = resolveOptions(id, PUBLIC_OPTIONS, given);
  const b = new GraphBuilder(id);
  const width = (channels: number): number => scaleWidth(channels, options.widthMultiplier);
  const context: BranchContext = { b, style: BATCH_NORM, width };
  let x = b.input("input", ["N", options.inChannels, ...options.inputSize]);
  for (const step of PUBLIC_STEM) x = b.stage(step.name, runSteps(context, "", x, [step]));
  x = b.stage("mixed_5b", runBranches(context, "mixed_5b", "mixed_5b", x, PUBLIC.mixed5b));
  x = publicBody(
    context,
    PUBLIC,
    options,
    ["repeat", "repeat_1", "repeat_2"],
    x,
    (map) => options.aux && auxiliaryHead(context, map, options.numClasses, "map"),
  );
  x = b.stage("conv2d_7b", runSteps(context, "", x, [conv("conv2d_7b", 1536, [1, 1])]));
  const features = globalPool(b, "global_pool", x, "vector");
  const dropped = dropout(b, "dropout", features, options.dropRate);
  b.output("logits", b.stage("classif", linear(b, "classif", dropped, options.numClasses)));
  b.output("features", features);
  return b.finish();
}
