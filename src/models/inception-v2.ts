/**
 * Inception-v2 (BN-Inception), arXiv:1502.03167, 2015.
 *
 * The paper's table contradicts itself where 4c and 4d are joined and about the sizes behind 3c and 4e; two readings of it
 * were trained in public (docs/errata.md).
 *
 * `slim`: the reading of slim (Apache-2.0): the printed output widths, so that 4c and 4d project their pool to 96; a
 * separable first layer with bias and ReLU and no normalization; TensorFlow's SAME padding.
 *
 * `caffe`: the reading of the Caffe model and its PyTorch ports: the printed branch widths, so that 4c and 4d have 608
 * channels; a bias before each normalization, symmetric pads, pools that round up and average over their padding too.
 *
 * Paths are those of the PyTorch port in Cadene's pretrained-models (BSD-3-Clause), flat as in Caffe.
 */
import type { Graph } from "../ir/graph.js";
import { batchNorm, type ConvSpec, plainConv } from "../layers/conv-block.js";
import { dropout, globalPool, linear } from "../layers/head.js";
import { averagePool, concatChannels, maxPool } from "../layers/pooling.js";
import { GraphBuilder, type Ref } from "../ops/build.js";
import { booleanOption, choiceOption, numberOption, type OptionInput, type OptionValues, resolveOptions } from "../options.js";
import { commonOptions, scaleWidth } from "./options.js";

type Form = "slim" | "caffe";

/** Widths of one row of the paper's table: branches 1×1, 3×3 and double 3×3 with their reductions, and the pool projection. */
interface Row {
  readonly name: string;
  readonly branch1: number;
  readonly branch3: readonly [number, number];
  readonly double3: readonly [number, number];
  readonly pool: "average" | "max";
  readonly projection: number;
}

/** A row that halves the map: no 1×1 branch, and its max pool passes through. */
type Reduction = Pick<Row, "name" | "branch3" | "double3">;

const ROWS: readonly (Row | Reduction)[] = [
  { name: "3a", branch1: 64, branch3: [64, 64], double3: [64, 96], pool: "average", projection: 32 },
  { name: "3b", branch1: 64, branch3: [64, 96], double3: [64, 96], pool: "average", projection: 64 },
  { name: "3c", branch3: [128, 160], double3: [64, 96] },
  { name: "4a", branch1: 224, branch3: [64, 96], double3: [96, 128], pool: "average", projection: 128 },
  { name: "4b", branch1: 192, branch3: [96, 128], double3: [96, 128], pool: "average", projection: 128 },
  { name: "4c", branch1: 160, branch3: [128, 160], double3: [128, 160], pool: "average", projection: 128 },
  { name: "4d", branch1: 96, branch3: [128, 192], double3: [160, 192], pool: "average", projection: 128 },
  { name: "4e", branch3: [128, 192], double3: [192, 256] },
  { name: "5a", branch1: 352, branch3: [192, 320], double3: [160, 224], pool: "average", projection: 128 },
  { name: "5b", branch1: 352, branch3: [192, 320], double3: [192, 224], pool: "max", projection: 128 },
];

/** The rows whose printed width is that of the join in slim and of the projection in Caffe. */
const SLIM_PROJECTIONS: Readonly<Record<string, number>> = { "4c": 96, "4d": 96 };

/** Channels that the separable first layer makes of each color. */
const DEPTH_MULTIPLIER = 8;

/** The smallest input that both kinds of padding allow; below it the caffe form's convolutions and pools disagree. */
export const INCEPTION_V2_MIN_SIZE = { slim: 1, caffe: 31 } as const;

function options(form: Form) {
  return {
    ...commonOptions({
      numClasses: 1000,
      leastClasses: 1,
      inputSize: 224,
      minInputSize: INCEPTION_V2_MIN_SIZE[form],
      dropRate: form === "slim" ? 0.2 : 0,
    }),
    stem: choiceOption(
      "First layer: separable convolution with bias and ReLU, separable convolution with batch normalization, or dense 7×7 convolution with batch normalization.",
      form === "slim" ? "separable" : "dense",
      ["separable", "separable_batch_norm", "dense"],
    ),
    padding: choiceOption(
      "Padding of strided layers: symmetric with ceil-mode pooling, or TensorFlow's SAME.",
      form === "slim" ? "same" : "symmetric",
      ["same", "symmetric"],
    ),
    countIncludePad: booleanOption(
      "Include padding zeros in average pooling inside blocks (PyTorch's `count_include_pad`).",
      form === "caffe",
    ),
    convBias: booleanOption("Use a bias in convolutions that are followed by batch normalization.", form === "caffe"),
    epsilon: numberOption("Batch-normalization epsilon.", form === "slim" ? 1e-3 : 1e-5, 1e-8, 0.1),
  };
}

export const INCEPTION_V2_OPTIONS = { slim: options("slim"), caffe: options("caffe") };

interface Context {
  readonly b: GraphBuilder;
  readonly form: Form;
  readonly options: OptionValues<ReturnType<typeof options>>;
  readonly width: (channels: number) => number;
}

/** Inception-v2 as a graph: input [N, inChannels, H, W] → "logits" [N, numClasses] and "features" [N, 1024]. */
export function inceptionV2(form: Form, given: OptionInput = {}): Graph {
  const id = `inception_v2.${form}`;
  const values = resolveOptions(id, INCEPTION_V2_OPTIONS[form], given);
  const b = new GraphBuilder(id);
  const context: Context = { b, form, options: values, width: (channels) => scaleWidth(channels, values.widthMultiplier) };
  let x = stem(context, b.input("input", ["N", values.inChannels, ...values.inputSize]));
  for (const row of ROWS) {
    const path = `inception_${row.name}`;
    x = b.stage(path, concatChannels(b, path, "pool" in row ? block(context, path, row, x) : reduction(context, path, row, x)));
  }
  const features = globalPool(b, "global_pool", x, "map");
  const dropped = dropout(b, "dropout", features, values.dropRate);
  b.output("logits", b.stage("last_linear", linear(b, "last_linear", dropped, values.numClasses)));
  b.output("features", features);
  return b.finish();
}

/** [N, C, H, W] → [N, 192, H/8, W/8]. */
function stem(context: Context, input: Ref): Ref {
  const { b, options } = context;
  const first = options.stem === "dense" ? denseFirst(context, input) : separableFirst(context, input);
  let x = b.stage("conv1_7x7_s2", first);
  x = b.stage("pool1_3x3_s2", halvingPool(context, "pool1_3x3_s2", x));
  x = b.stage("conv2_3x3_reduce", unit(context, "conv2_3x3_reduce", x, { outChannels: 64, kernelShape: [1, 1] }));
  x = b.stage("conv2_3x3", unit(context, "conv2_3x3", x, { outChannels: 192, kernelShape: [3, 3] }));
  return b.stage("pool2_3x3_s2", halvingPool(context, "pool2_3x3_s2", x));
}

const FIRST = { kernelShape: [7, 7], strides: [2, 2] } as const;

function denseFirst(context: Context, input: Ref): Ref {
  return unit(context, "conv1_7x7_s2", input, { ...FIRST, outChannels: 64 });
}

/** 7×7 on each channel by itself, eight times, then 1×1 over all; nothing in between. */
function separableFirst({ b, options, width }: Context, input: Ref): Ref {
  const path = "conv1_7x7_s2";
  const groups = Number(input.type.shape[1]);
  const normalized = options.stem === "separable_batch_norm";
  const outChannels = groups * width(DEPTH_MULTIPLIER);
  const depthwise = plainConv(b, `${path}.depthwise`, input, { ...FIRST, outChannels, groups, padding: options.padding }, false);
  const pointwise = plainConv(b, `${path}.pointwise`, depthwise, { outChannels: width(64), kernelShape: [1, 1] }, !normalized);
  const dressed = normalized ? batchNorm(b, `${path}_bn`, pointwise, options.epsilon) : pointwise;
  return b.module(path, b.add("relu", `${path}_relu`, [dressed], {}));
}

/** The four branches of a row that keeps the size. */
function block(context: Context, path: string, row: Row, x: Ref): readonly Ref[] {
  const { b, form, options } = context;
  const pool = { size: 3, stride: 1, padding: "symmetric" } as const;
  const pooled =
    row.pool === "max" ? maxPool(b, `${path}_pool`, x, pool) : averagePool(b, `${path}_pool`, x, pool, options.countIncludePad);
  const projection = (form === "slim" ? SLIM_PROJECTIONS[row.name] : undefined) ?? row.projection;
  return [
    unit(context, `${path}_1x1`, x, { outChannels: row.branch1, kernelShape: [1, 1] }),
    single(context, path, row, x, 1),
    double(context, path, row, x, 1),
    unit(context, `${path}_pool_proj`, pooled, { outChannels: projection, kernelShape: [1, 1] }),
  ];
}

/** The two branches of a row that halves the map, and its pool. */
function reduction(context: Context, path: string, row: Reduction, x: Ref): readonly Ref[] {
  return [single(context, path, row, x, 2), double(context, path, row, x, 2), halvingPool(context, `${path}_pool`, x)];
}

function single(context: Context, path: string, { branch3: [reduced, channels] }: Reduction, x: Ref, stride: number): Ref {
  const narrow = unit(context, `${path}_3x3_reduce`, x, { outChannels: reduced, kernelShape: [1, 1] });
  return unit(context, `${path}_3x3`, narrow, { outChannels: channels, kernelShape: [3, 3], strides: [stride, stride] });
}

function double(context: Context, path: string, { double3: [reduced, channels] }: Reduction, x: Ref, stride: number): Ref {
  const narrow = unit(context, `${path}_double_3x3_reduce`, x, { outChannels: reduced, kernelShape: [1, 1] });
  const first = unit(context, `${path}_double_3x3_1`, narrow, { outChannels: channels, kernelShape: [3, 3] });
  return unit(context, `${path}_double_3x3_2`, first, { outChannels: channels, kernelShape: [3, 3], strides: [stride, stride] });
}

/** Convolution `path`, batch normalization `<path>_bn`, ReLU `<path>_relu`; the module is `path`. */
function unit({ b, options, width }: Context, path: string, x: Ref, spec: ConvSpec): Ref {
  const dressed = { ...spec, outChannels: width(spec.outChannels), padding: options.padding };
  const normalized = batchNorm(b, `${path}_bn`, plainConv(b, path, x, dressed, options.convBias), options.epsilon);
  return b.module(path, b.add("relu", `${path}_relu`, [normalized], {}));
}

function halvingPool({ b, options }: Context, path: string, x: Ref): Ref {
  const same = options.padding === "same";
  return maxPool(b, path, x, { size: 3, stride: 2, ceilMode: !same, ...(same ? { padding: "same" } : {}) });
}
