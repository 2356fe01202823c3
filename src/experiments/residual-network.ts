/**
 * The network of the residual-scaling experiment: the last stage of Inception-ResNet-v1 (its C blocks, on the 3×3 maps
 * that a 160 pixel image has there) behind a stem of three convolutions. Everything that the experiment does not ask
 * about is cheap, so that two cores can afford many steps of many variants.
 *
 * The blocks, what follows their sums and the normalization after a reduction are those of the real network.
 */
import type { Graph } from "../ir/graph.js";
import type { Step } from "../layers/branches.js";
import { BN_EPSILON, drawnBody, type ResidualTables } from "../models/inception-resnet.js";
import { FACENET_BRANCHES } from "../models/inception-resnet-v1.js";
import { scaleWidth } from "../models/options.js";
import { GraphBuilder } from "../ops/build.js";

/**
 * Where the network normalizes.
 *
 * - "conv": after each convolution but the projections, as published.
 * - "both": after each convolution and each sum; the last is the extra normalization that the paper says did not help.
 * - "sum": after each sum and each reduction only, convolutions with bias, as drawn.
 * - "none": nowhere.
 */
export const NORM_PLACEMENTS = ["conv", "both", "sum", "none"] as const;
export type NormPlacement = (typeof NORM_PLACEMENTS)[number];

interface ResidualNetworkOptions {
  /** Channels of the trunk, which every residual is added to and the last pooling reads. */
  readonly filters: number;
  /** Factor on the residuals before their sums. */
  readonly scale: number;
  readonly norm: NormPlacement;
  /** Number of C blocks. */
  readonly blocks: number;
}

/** Side of the input in pixels; the trunk's maps are 3×3 for it. */
export const INPUT_SIZE = 32;
export const NUM_CLASSES = 10;
/** The module before the last pooling. */
export const LAST_MODULE = "inception_c";
/**
 * The branches have a quarter of the published proportion to the trunk (192 of 1792): a step costs a third, and the claim
 * is about the trunk.
 */
const BRANCH_SHARE = 1 / 4;
const PUBLISHED_FILTERS = 1792;

/** Input [N, 3, 32, 32] → "logits" [N, 10]; the module before the pooling is [N, filters, 3, 3]. */
export function residualNetwork({ filters, scale, norm, blocks }: ResidualNetworkOptions): Graph {
  const b = new GraphBuilder(`residual_stage.${filters}`);
  const normalized = norm === "conv" || norm === "both";
  const context = {
    b,
    style: normalized ? ({ kind: "batch_norm", epsilon: BN_EPSILON } as const) : ({ kind: "bias" } as const),
    width: same,
  };
  const tables: ResidualTables = {
    a: [],
    // 32 → 15 → 7
    reductionA: [[reduce("conv1", 32), reduce("conv2", 64)]],
    b: [],
    // 7 → 3
    reductionB: [[reduce("conv3", filters)]],
    c: FACENET_BRANCHES.c.map((steps: readonly Step[]) =>
      steps.map((step) => narrowed(step, (BRANCH_SHARE * filters) / PUBLISHED_FILTERS)),
    ),
  };
  const x = drawnBody(
    context,
    tables,
    { repeats: [0, 0, blocks], residualScale: [1, 1, scale], normPlacement: norm === "sum" || norm === "both" ? "sum" : "conv" },
    b.input("input", ["N", 3, INPUT_SIZE, INPUT_SIZE]),
  );
  const features = b.add("flatten", "flatten", [b.stage("pool", b.module("pool", b.add("globalAveragePool", "pool", [x], {})))], {});
  const weight = b.parameter("fc.weight", [NUM_CLASSES, filters], "linear_kernel");
  const bias = b.parameter("fc.bias", [NUM_CLASSES], "bias");
  b.output("logits", b.stage("fc", b.module("fc", b.add("gemm", "fc", [features, weight, bias], {}))));
  return b.finish();
}

/** A 3×3 convolution that halves the map. */
function reduce(name: string, outChannels: number): Step {
  return { name, outChannels, kernelShape: [3, 3], strides: [2, 2], padding: "valid" };
}

function narrowed(step: Step, factor: number): Step {
  return "outChannels" in step ? { ...step, outChannels: scaleWidth(step.outChannels, factor) } : step;
}

function same(channels: number): number {
  return channels;
}
