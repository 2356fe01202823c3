/**
 * The modified 3-D Inception-ResNet of specification document 000: a segmentation network for volumes after the 2-D
 * Inception-ResNet-v2, with global averages inside its blocks, dilation where the 2-D network has strides, and a decoder
 * with two skips. Nothing else is known of its origin and no weights exist for it; docs/errata.md (30 to 46) lists what
 * the document leaves open.
 *
 * `table`: every block as often as the document lists it. `paper` and `code`: as often as the paper and the public code of
 * Inception-ResNet-v2 have theirs.
 *
 * Kernels and sizes are (depth, height, width). Windows are padded as TensorFlow's SAME.
 */
import type { Graph } from "../ir/graph.js";
import { type BranchContext, type Branches, runBranches, runSteps, type Step } from "../layers/branches.js";
import { batchNorm, plainConv, transposedConv } from "../layers/conv-block.js";
import { GraphBuilder, type Ref } from "../ops/build.js";
import { booleanOption, choiceOption, integerOption, listOption, type OptionInput, type OptionValues, resolveOptions } from "../options.js";
import { BN_EPSILON } from "./inception-resnet.js";
import { scaleWidth, sizeOption, widthOption } from "./options.js";

type Preset = "table" | "paper" | "code";

/** Numbers of A, B and C blocks; one more C block, with scale 1 and no ReLU, follows. */
const REPEATS = { table: [1, 1, 1], paper: [5, 10, 4], code: [10, 20, 9] } as const;

function options(preset: Preset) {
  return {
    numClasses: integerOption("Number of classes per voxel, including the background.", 2, 1, 1_000_000),
    inChannels: integerOption("Number of input channels.", 1, 1, 1024),
    inputSize: sizeOption([64, 64, 64], 1),
    widthMultiplier: widthOption(),
    residualScale: listOption("Residual scale of A, B and C blocks; the final C block uses 1.", [0.17, 0.1, 0.2], 0, 10),
    repeats: listOption("Number of A, B and C blocks, not counting the final C block.", REPEATS[preset], 0, 100, true),
    mixedActivation: choiceOption("Activation of the residual branch before the sum: `relu` or `linear` (none).", "relu", [
      "relu",
      "linear",
    ]),
    cReduce1x1: booleanOption("Start the second branch of C blocks with a 1×1×1 convolution to 64 channels, as in B blocks.", false),
    fullResolutionSkip: booleanOption(
      "Add a third skip connection at full resolution: a 3×3×3 convolution of the input, with ReLU after the sum.",
      false,
    ),
    aux: booleanOption("Deep supervision: add auxiliary outputs at 1/4 and 1/2 of the input resolution (training only).", false),
  };
}

export const INCEPTION_RESNET_3D_OPTIONS = { table: options("table"), paper: options("paper"), code: options("code") };

type Options = OptionValues<ReturnType<typeof options>>;

interface Context extends BranchContext {
  readonly options: Options;
}

/**
 * The 3-D Inception-ResNet as a graph: input [N, inChannels, D, H, W] → "logits" [N, numClasses, D, H, W], for every size
 * from 1×1×1 on.
 */
export function inceptionResnet3d(preset: Preset, given: OptionInput = {}): Graph {
  const id = `inception_resnet_3d.${preset}`;
  const values = resolveOptions(id, INCEPTION_RESNET_3D_OPTIONS[preset], given);
  const b = new GraphBuilder(id);
  const context: Context = {
    b,
    style: { kind: "batch_norm", epsilon: BN_EPSILON },
    width: (channels) => scaleWidth(channels, values.widthMultiplier),
    options: values,
  };
  const input = b.input("input", ["N", values.inChannels, ...values.inputSize]);
  const { c1, c2, x } = stem(context, input);
  const c0 = values.fullResolutionSkip ? b.stage("stem.conv0", runSteps(context, "stem", input, [conv("conv0", 32, 3)])) : null;
  for (const [name, logits] of decoder(context, body(context, x), { c0, c1, c2, input })) b.output(name, logits);
  return b.finish();
}

type Kernel = number | readonly [number, number, number];

/** A convolution step of stride 1. Dilation on an axis of size 1 has no effect and is written as 1. */
function conv(name: string, outChannels: number, kernel: Kernel, dilation = 1): Step {
  const kernelShape = typeof kernel === "number" ? [kernel, kernel, kernel] : kernel;
  const dilations = kernelShape.map((size) => (size === 1 ? 1 : dilation));
  return { name, outChannels, kernelShape, dilations, padding: "same" };
}

function maxPool(name: string, stride: number): Step {
  return { name, maxPool: { size: 3, stride, padding: "same" } };
}

const STEM: readonly Step[] = [
  { ...conv("conv1", 32, 3), strides: [2, 2, 2] },
  conv("conv2", 32, 3),
  conv("conv3", 64, 3),
  maxPool("pool1", 2),
  conv("conv4", 80, 1),
  conv("conv5", 192, 3),
  maxPool("pool2", 2),
];

/** [N, C, D, H, W] → x [N, 192, D/8, H/8, W/8], and what the skips read: c1 [N, 64, D/2, …] and c2 [N, 192, D/4, …]. */
function stem(context: Context, input: Ref): { readonly c1: Ref; readonly c2: Ref; readonly x: Ref } {
  const stages = new Map<string, Ref>();
  let x = input;
  for (const step of STEM) {
    x = context.b.stage(`stem.${step.name}`, runSteps(context, "stem", x, [step]));
    stages.set(step.name, x);
  }
  return { c1: stages.get("conv3") ?? x, c2: stages.get("conv5") ?? x, x };
}

const REDUCTION_A: Branches = [
  [conv("b0.0", 96, 1)],
  [conv("b1.0", 48, 1), conv("b1.1", 64, 5)],
  [conv("b2.0", 64, 1), conv("b2.1", 96, 3), conv("b2.2", 96, 3)],
  [{ name: "b3", averagePool: { size: 3, stride: 1, padding: "same" }, countIncludePad: false }, conv("b3.0", 64, 1)],
];

const A: Branches = [
  [conv("b0.0", 32, 1)],
  [conv("b1.0", 32, 1), conv("b1.1", 32, 3)],
  [conv("b2.0", 32, 1), conv("b2.1", 48, 3), conv("b2.2", 64, 3)],
];

const REDUCTION_B: Branches = [
  [conv("b0.0", 256, 3, 2)],
  [conv("b1.0", 128, 1), conv("b1.1", 128, 3, 2), conv("b1.2", 256, 3, 2)],
  [maxPool("b2", 1)],
];

const B: Branches = [
  [conv("b0.0", 64, 1)],
  [conv("b1.0", 64, 1), conv("b1.1", 64, [1, 5, 1], 2), conv("b1.2", 64, [5, 1, 1], 2), conv("b1.3", 64, [1, 1, 5], 2)],
];

const REDUCTION_C: Branches = [
  [conv("b0.0", 128, 1), conv("b0.1", 256, 3, 3)],
  [conv("b1.0", 128, 1), conv("b1.1", 256, 3, 3)],
  [conv("b2.0", 128, 1), conv("b2.1", 256, 3, 3), conv("b2.2", 256, 3, 3)],
  [maxPool("b3", 1)],
];

function branchesOfC(reduce: boolean): Branches {
  const kernels: readonly Kernel[] = [...(reduce ? [1] : []), [1, 3, 1], [1, 1, 3], [3, 1, 1]];
  return [[conv("b0.0", 64, 1)], kernels.map((kernel, index) => conv(`b1.${index}`, 64, kernel, 3))];
}

/** [N, 192, …] → [N, 1600, …] on one map size. */
function body(context: Context, input: Ref): Ref {
  const { cReduce1x1, residualScale, repeats } = context.options;
  const [scaleA = 1, scaleB = 1, scaleC = 1] = residualScale;
  const [countA = 0, countB = 0, countC = 0] = repeats;
  const c = branchesOfC(cReduce1x1);
  let x = reduction(context, "reductionA", input, REDUCTION_A);
  for (let i = 0; i < countA; i++) x = block(context, `A${i}`, x, { branches: A, scale: scaleA, activated: true });
  x = reduction(context, "reductionB", x, REDUCTION_B);
  for (let i = 0; i < countB; i++) x = block(context, `B${i}`, x, { branches: B, scale: scaleB, activated: true });
  x = reduction(context, "reductionC", x, REDUCTION_C);
  for (let i = 0; i < countC; i++) x = block(context, `C${i}`, x, { branches: c, scale: scaleC, activated: true });
  return block(context, "Cfinal", x, { branches: c, scale: 1, activated: false });
}

function reduction(context: Context, path: string, x: Ref, branches: Branches): Ref {
  return context.b.stage(path, runBranches(context, path, path, x, branches));
}

interface Block {
  readonly branches: Branches;
  /** Factor on the residual; 1 leaves the multiplication out. */
  readonly scale: number;
  /** Whether a ReLU follows the sum. */
  readonly activated: boolean;
}

/** x + scale · mixed(branches(x), mean of x), and mostly ReLU; one stage. */
function block(context: Context, path: string, x: Ref, { branches, scale, activated }: Block): Ref {
  const { b, options: given } = context;
  const joined = runBranches(context, path, `${path}.concat`, x, branches);
  const normalized = batchNorm(b, `${path}.mixed.bn`, mixedConv(b, `${path}.mixed`, joined, x), BN_EPSILON);
  const mixed = given.mixedActivation === "relu" ? b.add("relu", `${path}.mixed.relu`, [normalized], {}) : normalized;
  b.module(`${path}.mixed`, mixed);
  const scaled = scale === 1 ? mixed : b.add("scale", `${path}.scale`, [mixed], { factor: scale });
  const sum = b.module(`${path}.sum`, b.add("add", `${path}.sum`, [x, scaled], {}));
  return b.stage(path, b.module(path, activated ? b.add("relu", `${path}.relu`, [sum], {}) : sum));
}

/**
 * The 1×1×1 convolution of the branches z [N, Z, …], joined with the global average of x [N, C, …] tiled to their size,
 * back to the channels of x. The tiled channels are the same at every voxel, so the kernel W [C, Z + C, 1, 1, 1] is cut
 * in two: W·[z; tile(g)] = W_z·z + W_g·g, where the second product is made once for each volume.
 */
function mixedConv(b: GraphBuilder, path: string, z: Ref, x: Ref): Ref {
  const [branches, channels] = [z, x].map((value) => Number(value.type.shape[1]));
  if (branches === undefined || channels === undefined) throw new RangeError(`Cannot add "${path}": its inputs have no channels`);
  const kernel = b.parameter(`${path}.conv.weight`, [channels, branches + channels, 1, 1, 1], "conv_kernel");
  const [ofBranches, ofMean] = b.addAll("split", `${path}.kernels`, [kernel], { axis: 1, sizes: [branches, channels] });
  if (ofBranches === undefined || ofMean === undefined) throw new RangeError(`Cannot add "${path}": its kernel has no two parts`);
  const mean = b.module(`${path}.gap`, b.add("globalAveragePool", `${path}.gap`, [x], {}));
  const pointwise = { ...ONE_VOXEL, pads: [0, 0, 0, 0, 0, 0], groups: 1 };
  const parts = [
    b.add("conv", `${path}.conv_branches`, [z, ofBranches], pointwise),
    b.add("conv", `${path}.conv_gap`, [mean, ofMean], pointwise),
  ] as const;
  return b.add("add", `${path}.conv`, parts, {});
}

const ONE_VOXEL = { kernelShape: [1, 1, 1], strides: [1, 1, 1], dilations: [1, 1, 1] };

/**
 * [N, 1600, D/8, …] → "logits" [N, numClasses, D, H, W], and with `aux` "aux1" and "aux2" of the same shape. Each transposed convolution doubles the map. Where the encoder rounded a
 * half up that is one voxel more than the skip has, never less, and the last one is cut off.
 */
function decoder(context: Context, input: Ref, skips: Skips): ReadonlyMap<string, Ref> {
  const { width, options: given } = context;
  const joined = (index: number, from: Ref, skip: Ref): Ref => {
    const up = doubled(context, `up.deconv${index}`, from, width(64), skip);
    const path = `up.sum${index}`;
    return context.b.module(path, context.b.add("add", path, [up, pointwise(context, `up.skip_c${3 - index}`, skip, width(64))], {}));
  };
  const stage = (path: string, x: Ref): Ref => context.b.stage(path, x);
  const reduced = stage("up.reduce", pointwise(context, "up.reduce", input, width(64)));
  const quarter = stage("up.sum1", joined(1, reduced, skips.c2));
  const half = stage("up.sum2", joined(2, quarter, skips.c1));
  const whole =
    skips.c0 === null
      ? doubled(context, "up.deconv3", half, width(64), skips.input)
      : stage("up.relu3", context.b.module("up.relu3", context.b.add("relu", "up.relu3", [joined(3, half, skips.c0)], {})));
  const logits = stage("up.logits", pointwise(context, "up.logits", whole, given.numClasses));
  if (!given.aux) return new Map([["logits", logits]]);
  const ofHalf = (path: string, x: Ref): Ref => doubled(context, `${path}.deconv2`, x, given.numClasses, skips.input);
  const head = (path: string, x: Ref): Ref => pointwise(context, `${path}.logits`, x, given.numClasses);
  const ofQuarter = doubled(context, "aux1.deconv1", head("aux1", quarter), given.numClasses, skips.c1);
  return new Map([
    ["logits", logits],
    ["aux1", ofHalf("aux1", ofQuarter)],
    ["aux2", ofHalf("aux2", head("aux2", half))],
  ]);
}

interface Skips {
  /** Of the input's own size; null without `fullResolutionSkip`. */
  readonly c0: Ref | null;
  readonly c1: Ref;
  readonly c2: Ref;
  readonly input: Ref;
}

function pointwise({ b }: Context, path: string, from: Ref, outChannels: number): Ref {
  return b.module(path, plainConv(b, path, from, { outChannels, kernelShape: [1, 1, 1] }, true));
}

/** A map of twice the size, but not larger than `like`; a stage of its own. */
function doubled({ b }: Context, path: string, from: Ref, outChannels: number, like: Ref): Ref {
  const spec = { outChannels, kernelShape: [2, 2, 2] };
  return cropEnds(b, path.replace("deconv", "crop"), b.stage(path, b.module(path, transposedConv(b, path, from, spec))), like);
}

/** x without the last elements of each spatial axis that `like` does not have. */
function cropEnds(b: GraphBuilder, path: string, x: Ref, like: Ref): Ref {
  const axes = x.type.shape.flatMap((size, axis) => (axis >= 2 && size !== like.type.shape[axis] ? [axis] : []));
  if (axes.length === 0) return x;
  const ends = axes.map((axis) => Number(like.type.shape[axis]));
  return b.module(path, b.add("slice", path, [x], { starts: axes.map(() => 0), ends, axes, steps: axes.map(() => 1) }));
}
