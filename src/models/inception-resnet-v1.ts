/**
 * Inception-ResNet-v1, arXiv:1602.07261, 2016.
 *
 * `spec`: the network as drawn in specification document 002: convolutions with bias and ReLU, one batch normalization
 * after the stem, after each sum and after each reduction, a convolution where the others have a max pool in the stem.
 * Node names are the drawing's. No weights exist for it.
 *
 * `paper`: the same widths and repeats with batch normalization after each convolution and none on the sums.
 *
 * `public`: facenet's network as facenet-pytorch (MIT) publishes it: a sixth C block without ReLU, and an embedding
 * head. Paths are facenet-pytorch's.
 *
 * docs/errata.md lists where the sources disagree and what was chosen.
 */
import { InceptionError } from "../errors.js";
import type { Graph } from "../ir/graph.js";
import { type BranchContext, type Branches, conv, reducePool, runSteps, type Step } from "../layers/branches.js";
import { batchNorm, normRelu } from "../layers/conv-block.js";
import { dropout, globalPool, linear } from "../layers/head.js";
import { GraphBuilder, type Ref } from "../ops/build.js";
import { choiceOption, integerOption, type OptionInput, type OptionValues, resolveOptions } from "../options.js";
import { BN_EPSILON, drawnBody, MIN_SIZE, normPlacementOption, publicBody, residualOptions } from "./inception-resnet.js";
import { commonOptions, scaleWidth } from "./options.js";

type Form = "spec" | "paper" | "public";

function drawnOptions(form: "spec" | "paper") {
  return {
    ...commonOptions({ numClasses: 1000, leastClasses: 1, inputSize: 299, minInputSize: MIN_SIZE, dropRate: 0.2 }),
    ...residualOptions([5, 10, 5]),
    normPlacement: normPlacementOption(form),
    stemDownsample: choiceOption(
      "Downsampling in the middle of the stem: strided convolution or max pooling.",
      form === "spec" ? "conv" : "maxpool",
      ["conv", "maxpool"],
    ),
  };
}

const PUBLIC_OPTIONS = {
  ...commonOptions({ numClasses: 0, leastClasses: 0, inputSize: 160, minInputSize: MIN_SIZE, dropRate: 0.6 }),
  ...residualOptions([5, 10, 5]),
  embeddingSize: integerOption("Embedding dimension; 0 omits the embedding layer and classifies the pooled features.", 512, 0, 65_536),
};

export const INCEPTION_RESNET_V1_OPTIONS = { spec: drawnOptions("spec"), paper: drawnOptions("paper"), public: PUBLIC_OPTIONS };

/**
 * Inception-ResNet-v1 as a graph: input [N, inChannels, H, W] → "logits" [N, numClasses] and "features" [N, 1792].
 * The public form gives "embedding" [N, embeddingSize] of length 1 as well, and "logits" only where numClasses is not 0.
 */
export function inceptionResnetV1(form: Form, given: OptionInput = {}): Graph {
  return form === "public" ? publicForm(given) : drawnForm(form, given);
}

const DRAWN = {
  a: [
    [conv("conv_1x1", 32, [1, 1])],
    [conv("conv_3x3_a_reduce", 32, [1, 1]), conv("conv_3x3_a", 32, [3, 3])],
    [conv("conv_3x3_b_reduce", 32, [1, 1]), conv("conv_3x3_b1", 32, [3, 3]), conv("conv_3x3_b2", 32, [3, 3])],
  ],
  reductionA: [
    [conv("conv_3x3_a", 384, [3, 3], 2, "valid")],
    [conv("conv_3x3_b_reduce", 192, [1, 1]), conv("conv_3x3_b1", 192, [3, 3]), conv("conv_3x3_b2", 256, [3, 3], 2, "valid")],
    [reducePool("pool")],
  ],
  b: [[conv("conv_1x1", 128, [1, 1])], [conv("conv_reduce", 128, [1, 1]), conv("conv_1x7", 128, [1, 7]), conv("conv_7x1", 128, [7, 1])]],
  reductionB: [
    [conv("conv_3x3_a_reduce", 256, [1, 1]), conv("conv_3x3_a", 384, [3, 3], 2, "valid")],
    [conv("conv_3x3_b_reduce", 256, [1, 1]), conv("conv_3x3_b1", 256, [3, 3]), conv("conv_3x3_b2", 256, [3, 3], 2, "valid")],
    [conv("conv_3x3_c_reduce", 256, [1, 1]), conv("conv_3x3_c", 256, [3, 3], 2, "valid")],
    [reducePool("pool")],
  ],
  c: [[conv("conv_1x1", 192, [1, 1])], [conv("conv_reduce", 192, [1, 1]), conv("conv_1x3", 192, [1, 3]), conv("conv_3x1", 192, [3, 1])]],
} satisfies Record<string, Branches>;

type DrawnOptions = OptionValues<ReturnType<typeof drawnOptions>>;

function drawnForm(form: "spec" | "paper", given: OptionInput): Graph {
  const id = `inception_resnet_v1.${form}`;
  const options = resolveOptions(id, INCEPTION_RESNET_V1_OPTIONS[form], given);
  const b = new GraphBuilder(id);
  const context: BranchContext = {
    b,
    style: options.normPlacement === "sum" ? { kind: "bias" } : { kind: "batch_norm", epsilon: BN_EPSILON },
    width: (channels) => scaleWidth(channels, options.widthMultiplier),
  };
  let x = drawnStem(context, options, b.input("input", ["N", options.inChannels, ...options.inputSize]));
  x = drawnBody(context, DRAWN, options, x);
  const features = globalPool(b, "pool", x, "vector");
  const dropped = dropout(b, "dropout", features, options.dropRate);
  b.output("logits", b.stage("classifier", linear(b, "classifier", dropped, options.numClasses)));
  b.output("features", features);
  return b.finish();
}

/** [N, C, H, W] → [N, 256, 35, 35] for 299 pixels. */
function drawnStem(context: BranchContext, options: DrawnOptions, input: Ref): Ref {
  const { b } = context;
  const fourth: Step = options.stemDownsample === "conv" ? conv("conv4", 64, [3, 3], 2, "valid") : reducePool("pool4");
  const steps: readonly Step[] = [
    conv("conv1", 32, [3, 3], 2, "valid"),
    conv("conv2", 32, [3, 3], 1, "valid"),
    conv("conv3", 64, [3, 3]),
    fourth,
    conv("conv5", 80, [1, 1]),
    conv("conv6", 192, [3, 3], 1, "valid"),
    conv("conv7", 256, [3, 3], 2, "valid"),
  ];
  let x = input;
  for (const step of steps) x = b.stage(`stem.${step.name}`, runSteps(context, "stem", x, [step]));
  return b.module("stem", options.normPlacement === "sum" ? b.stage("stem.bn", normRelu(b, "stem.bn", x, BN_EPSILON)) : x);
}

/** facenet's blocks, by kind. */
export const FACENET_BRANCHES = {
  a: [
    [conv("branch0", 32, [1, 1])],
    [conv("branch1.0", 32, [1, 1]), conv("branch1.1", 32, [3, 3])],
    [conv("branch2.0", 32, [1, 1]), conv("branch2.1", 32, [3, 3]), conv("branch2.2", 32, [3, 3])],
  ],
  reductionA: [
    [conv("branch0", 384, [3, 3], 2, "valid")],
    [conv("branch1.0", 192, [1, 1]), conv("branch1.1", 192, [3, 3]), conv("branch1.2", 256, [3, 3], 2, "valid")],
    [reducePool("branch2")],
  ],
  b: [[conv("branch0", 128, [1, 1])], [conv("branch1.0", 128, [1, 1]), conv("branch1.1", 128, [1, 7]), conv("branch1.2", 128, [7, 1])]],
  reductionB: [
    [conv("branch0.0", 256, [1, 1]), conv("branch0.1", 384, [3, 3], 2, "valid")],
    [conv("branch1.0", 256, [1, 1]), conv("branch1.1", 256, [3, 3], 2, "valid")],
    [conv("branch2.0", 256, [1, 1]), conv("branch2.1", 256, [3, 3]), conv("branch2.2", 256, [3, 3], 2, "valid")],
    [reducePool("branch3")],
  ],
  c: [[conv("branch0", 192, [1, 1])], [conv("branch1.0", 192, [1, 1]), conv("branch1.1", 192, [1, 3]), conv("branch1.2", 192, [3, 1])]],
} satisfies Record<string, Branches>;

const PUBLIC_STEM: readonly Step[] = [
  conv("conv2d_1a", 32, [3, 3], 2, "valid"),
  conv("conv2d_2a", 32, [3, 3], 1, "valid"),
  conv("conv2d_2b", 64, [3, 3]),
  reducePool("maxpool_3a"),
  conv("conv2d_3b", 80, [1, 1]),
  conv("conv2d_4a", 192, [3, 3], 1, "valid"),
  conv("conv2d_4b", 256, [3, 3], 2, "valid"),
];

type PublicOptions = OptionValues<typeof PUBLIC_OPTIONS>;

function publicForm(given: OptionInput): Graph {
  const id = "inception_resnet_v1.public";
  const options = resolveOptions(id, PUBLIC_OPTIONS, given);
  if (options.numClasses === 0 && options.embeddingSize === 0) {
    throw new InceptionError(
      "OPTION_INVALID",
      `Cannot build ${id} with numClasses 0 and embeddingSize 0: expected one of them to be positive`,
      { model: id },
    );
  }
  const b = new GraphBuilder(id);
  const context: BranchContext = {
    b,
    style: { kind: "batch_norm", epsilon: BN_EPSILON },
    width: (channels) => scaleWidth(channels, options.widthMultiplier),
  };
  let x = b.input("input", ["N", options.inChannels, ...options.inputSize]);
  for (const step of PUBLIC_STEM) x = b.stage(step.name, runSteps(context, "", x, [step]));
  x = publicBody(context, FACENET_BRANCHES, options, ["repeat_1", "repeat_2", "repeat_3"], x);
  embeddingHead(b, options, globalPool(b, "avgpool_1a", x, "map"));
  return b.finish();
}

/** Pooled features → embedding of length 1, and logits from the embedding before it is normalized (facenet's head). */
function embeddingHead(b: GraphBuilder, options: PublicOptions, features: Ref): void {
  let x = dropout(b, "dropout", features, options.dropRate);
  if (options.embeddingSize > 0) {
    x = linear(b, "last_linear", x, options.embeddingSize, false);
    x = b.module("last_bn", batchNorm(b, "last_bn", x, BN_EPSILON));
    // PyTorch's normalize divides by max(norm, 1e-12).
    const embedding = b.add("lpNormalization", "embedding", [x], { axis: 1, p: 2, epsilon: 1e-12 });
    b.output("embedding", b.stage("embedding", b.module("embedding", embedding)));
  }
  if (options.numClasses > 0) b.output("logits", b.stage("logits", linear(b, "logits", x, options.numClasses)));
  b.output("features", features);
}
