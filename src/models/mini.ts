/**
 * Two small networks out of the real families' blocks: small enough that a training step in float32 agrees with one in
 * float64 to many digits, which the deep networks do not (a ReLU or a maximum that flips changes their gradients). They
 * are the subjects of the training goldens and of nothing else, so they are not in the list of models.
 *
 * Blocks and names are torchvision's (BSD-3-Clause) and facenet-pytorch's (MIT).
 */
import type { Graph } from "../ir/graph.js";
import { type BranchContext, conv, residual, runBranches, runSteps } from "../layers/branches.js";
import { type ConvBlockStyle, convBlock } from "../layers/conv-block.js";
import { globalPool, linear } from "../layers/head.js";
import { maxPool } from "../layers/pooling.js";
import { GraphBuilder, type Ref } from "../ops/build.js";
import { inception } from "./googlenet.js";
import { BN_EPSILON, PUBLIC_NAMES } from "./inception-resnet.js";
import { FACENET_BRANCHES } from "./inception-resnet-v1.js";

interface MiniOptions {
  readonly numClasses: number;
  /** Height and width in pixels. */
  readonly inputSize: readonly [number, number];
}

/** By the name that goldens give them: input [N, 3, H, W] → "logits" [N, numClasses]. */
export const MINI_MODELS: ReadonlyMap<string, (options: MiniOptions) => Graph> = new Map([
  ["mini.googlenet", miniGooglenet],
  ["mini.inception_resnet_v1", miniInceptionResnetV1],
]);

const STYLE: ConvBlockStyle = { kind: "batch_norm", epsilon: BN_EPSILON };

/** A convolution, two Inception blocks with a pool before each, a classifier: 2,715 parameters at 10 classes. */
function miniGooglenet({ numClasses, inputSize }: MiniOptions): Graph {
  const b = new GraphBuilder("mini.googlenet");
  const context = { b, form: "public", style: STYLE, width: same } as const;
  const stem = { outChannels: 8, kernelShape: [3, 3], strides: [2, 2] };
  let x = b.stage("stem", convBlock(b, "stem", b.input("input", ["N", 3, ...inputSize]), stem, STYLE));
  x = b.stage("pool1", maxPool(b, "pool1", x, { size: 3, stride: 2, ceilMode: true }));
  x = b.stage("mix1", inception(context, "mix1", { branch1: 6, branch2: [4, 8], branch3: [3, 5], branch4: 5 }, x));
  x = b.stage("pool2", maxPool(b, "pool2", x, { size: 3, stride: 2, ceilMode: true }));
  x = b.stage("mix2", inception(context, "mix2", { branch1: 10, branch2: [6, 12], branch3: [4, 6], branch4: 4 }, x));
  return classified(b, x, numClasses);
}

/** A convolution, an A block, a reduction, a B block, a classifier: 2,493,962 parameters at 10 classes. */
function miniInceptionResnetV1({ numClasses, inputSize }: MiniOptions): Graph {
  const b = new GraphBuilder("mini.inception_resnet_v1");
  const context: BranchContext = { b, style: STYLE, width: same };
  let x = b.input("input", ["N", 3, ...inputSize]);
  x = b.stage("stem", runSteps(context, "", x, [conv("stem", 256, [3, 3], 2, "valid")]));
  x = block(context, "block35", x, FACENET_BRANCHES.a, 0.17);
  x = b.stage("mixed_6a", runBranches(context, "mixed_6a", "mixed_6a", x, FACENET_BRANCHES.reductionA));
  x = block(context, "block17", x, FACENET_BRANCHES.b, 0.1);
  return classified(b, x, numClasses);
}

/** A residual block that ends in ReLU; one stage. */
function block(context: BranchContext, path: string, x: Ref, branches: (typeof FACENET_BRANCHES)["a" | "b"], scale: number): Ref {
  const { b } = context;
  const sum = residual(context, path, x, { branches, scale, names: PUBLIC_NAMES });
  return b.stage(path, b.module(path, b.add("relu", `${path}.relu`, [sum], {})));
}

function classified(b: GraphBuilder, x: Ref, numClasses: number): Graph {
  b.output("logits", b.stage("fc", linear(b, "fc", globalPool(b, "avgpool", x, "map"), numClasses)));
  return b.finish();
}

function same(channels: number): number {
  return channels;
}
