/**
 * GoogLeNet (Inception-v1), arXiv:1409.4842, 2014.
 *
 * `paper`: the published network: 5×5 branches, biases, local response normalization. Pads and rounding follow BVLC's
 * Caffe model (symmetric pads, pools that round up), whose public weights it takes: the sizes of SAME, aligned otherwise.
 * The published table says 2.7 K parameters for the first layer, which fits a factorized one; the dense layer is used.
 *
 * `public`: the network that torchvision (BSD-3-Clause) and slim (Apache-2.0) ship: batch normalization, 3×3 kernels
 * where the paper has 5×5, and a 2×2 pool before 5a. Paths are torchvision's, and so are the pads; slim's are SAME.
 */
import type { Graph } from "../ir/graph.js";
import { type ConvBlockStyle, type ConvSpec, convBlock } from "../layers/conv-block.js";
import { dropout, globalPool, linear } from "../layers/head.js";
import { averagePool, concatChannels, maxPool } from "../layers/pooling.js";
import { GraphBuilder, type Ref } from "../ops/build.js";
import { booleanOption, choiceOption, fractionOption, type OptionInput, type OptionValues, resolveOptions } from "../options.js";
import { commonOptions, scaleWidth } from "./options.js";

type Form = "paper" | "public";

/** Widths of one row of the paper's table 1: branches 1×1, 3×3 and 5×5 with their reductions, and the pool projection. */
interface InceptionWidths {
  readonly branch1: number;
  readonly branch2: readonly [number, number];
  readonly branch3: readonly [number, number];
  readonly branch4: number;
}

const ROWS: readonly (InceptionWidths & { readonly name: string })[] = [
  { name: "3a", branch1: 64, branch2: [96, 128], branch3: [16, 32], branch4: 32 },
  { name: "3b", branch1: 128, branch2: [128, 192], branch3: [32, 96], branch4: 64 },
  { name: "4a", branch1: 192, branch2: [96, 208], branch3: [16, 48], branch4: 64 },
  { name: "4b", branch1: 160, branch2: [112, 224], branch3: [24, 64], branch4: 64 },
  { name: "4c", branch1: 128, branch2: [128, 256], branch3: [24, 64], branch4: 64 },
  { name: "4d", branch1: 112, branch2: [144, 288], branch3: [32, 64], branch4: 64 },
  { name: "4e", branch1: 256, branch2: [160, 320], branch3: [32, 128], branch4: 128 },
  { name: "5a", branch1: 256, branch2: [160, 320], branch3: [32, 128], branch4: 128 },
  { name: "5b", branch1: 384, branch2: [192, 384], branch3: [48, 128], branch4: 128 },
];

/** The smallest input whose last map still has one pixel, with pools that round up; the paper's pool before 5a is the wider. */
export const GOOGLENET_MIN_SIZE = { paper: 31, public: 15 } as const;

// Not in the paper; BVLC's Caffe model states them. The sum of squares is divided by size.
const LRN = { size: 5, alpha: 1e-4, beta: 0.75, bias: 1 } as const;

function options(form: Form) {
  return {
    ...commonOptions({
      numClasses: 1000,
      leastClasses: 1,
      inputSize: 224,
      minInputSize: GOOGLENET_MIN_SIZE[form],
      dropRate: form === "paper" ? 0.4 : 0.2,
    }),
    aux: booleanOption("Add the two auxiliary classifiers after 4a and 4d (training only).", false),
    padding: choiceOption("Padding of strided layers: symmetric with ceil-mode pooling, or TensorFlow's SAME.", "symmetric", [
      "symmetric",
      "same",
    ]),
    auxDropRate: fractionOption("Dropout rate inside the auxiliary classifiers.", 0.7),
  };
}

export const GOOGLENET_OPTIONS = { paper: options("paper"), public: options("public") };

type Options = OptionValues<ReturnType<typeof options>>;

interface Context {
  readonly b: GraphBuilder;
  readonly form: Form;
  readonly style: ConvBlockStyle;
  readonly options: Options;
  readonly width: (channels: number) => number;
}

/**
 * GoogLeNet as a graph: input [N, inChannels, H, W] → "logits" [N, numClasses], "features" [N, 1024] and, with `aux`,
 * "aux1" and "aux2" [N, numClasses].
 */
export function googlenet(form: Form, given: OptionInput = {}): Graph {
  const id = `googlenet.${form}`;
  const values = resolveOptions(id, GOOGLENET_OPTIONS[form], given);
  const b = new GraphBuilder(id);
  const style: ConvBlockStyle = form === "paper" ? { kind: "bias" } : { kind: "batch_norm", epsilon: 1e-3 };
  const context: Context = { b, form, style, options: values, width: (channels) => scaleWidth(channels, values.widthMultiplier) };
  const x = inceptionStages(context, stem(context, b.input("input", ["N", values.inChannels, ...values.inputSize])));
  const features = globalPool(b, "avgpool", x, "map");
  const logits = b.stage("fc", linear(b, "fc", dropout(b, "dropout", features, values.dropRate), values.numClasses));
  b.output("logits", logits);
  b.output("features", features);
  return b.finish();
}

/** [N, C, H, W] → [N, 192, H/8, W/8]. */
function stem(context: Context, input: Ref): Ref {
  const { b } = context;
  let x = unitStage(context, "conv1", input, { outChannels: 64, kernelShape: [7, 7], strides: [2, 2] });
  x = halvingPool(context, "maxpool1", x, 3);
  if (context.form === "paper") x = b.add("lrn", "norm1", [x], LRN);
  x = unitStage(context, "conv2", x, { outChannels: 64, kernelShape: [1, 1] });
  x = unitStage(context, "conv3", x, { outChannels: 192, kernelShape: [3, 3] });
  if (context.form === "paper") x = b.add("lrn", "norm2", [x], LRN);
  return halvingPool(context, "maxpool2", x, 3);
}

function halvingPool({ b, options }: Context, path: string, x: Ref, size: number): Ref {
  const rule = options.padding === "same" ? ({ padding: "same" } as const) : { ceilMode: true };
  return b.stage(path, maxPool(b, path, x, { size, stride: 2, ...rule }));
}

function inceptionStages(context: Context, input: Ref): Ref {
  const { b, form, options } = context;
  let x = input;
  for (const row of ROWS) {
    if (row.name === "4a") x = halvingPool(context, "maxpool3", x, 3);
    if (row.name === "5a") x = halvingPool(context, "maxpool4", x, form === "paper" ? 3 : 2);
    x = b.stage(`inception${row.name}`, inception(context, `inception${row.name}`, row, x));
    if (options.aux && row.name === "4a") auxiliary(context, "aux1", x);
    if (options.aux && row.name === "4d") auxiliary(context, "aux2", x);
  }
  return x;
}

/** The four branches of figure 2(b), joined along channels; the module is `path`. */
export function inception(context: Pick<Context, "b" | "form" | "style" | "width">, path: string, row: InceptionWidths, x: Ref): Ref {
  const { b, form, style, width } = context;
  const unit = (name: string, from: Ref, channels: number, size: number): Ref =>
    convBlock(b, `${path}.${name}`, from, { outChannels: width(channels), kernelShape: [size, size] }, style);
  const branch1 = unit("branch1", x, row.branch1, 1);
  const branch2 = b.module(`${path}.branch2`, unit("branch2.1", unit("branch2.0", x, row.branch2[0], 1), row.branch2[1], 3));
  const wide = form === "paper" ? 5 : 3;
  const branch3 = b.module(`${path}.branch3`, unit("branch3.1", unit("branch3.0", x, row.branch3[0], 1), row.branch3[1], wide));
  const pooled = maxPool(b, `${path}.branch4.0`, x, { size: 3, stride: 1, padding: "symmetric", ceilMode: true });
  const branch4 = b.module(`${path}.branch4`, unit("branch4.1", pooled, row.branch4, 1));
  return concatChannels(b, path, [branch1, branch2, branch3, branch4]);
}

/**
 * An auxiliary classifier on a map [N, C, H, W]. The paper pools 5×5 /3; torchvision pools to 4×4 whatever the map,
 * which on 14×14 are other windows. The fully connected layer reads the 4×4 map in C, H, W order.
 */
function auxiliary(context: Context, path: string, x: Ref): void {
  const { b, form, style, options, width } = context;
  const pooled =
    form === "paper"
      ? averagePool(b, `${path}.pool`, x, { size: 5, stride: 3, ceilMode: true }, false)
      : b.module(`${path}.pool`, b.add("adaptiveAveragePool", `${path}.pool`, [x], { outputShape: [4, 4] }));
  const reduced = convBlock(b, `${path}.conv`, pooled, { outChannels: width(128), kernelShape: [1, 1] }, style);
  const hidden = linear(b, `${path}.fc1`, b.add("flatten", `${path}.flatten`, [reduced], {}), width(1024));
  const active = b.add("relu", `${path}.relu`, [hidden], {});
  const dropped = b.add("dropout", `${path}.dropout`, [active], { dropRate: options.auxDropRate });
  const logits = linear(b, `${path}.fc2`, dropped, options.numClasses);
  b.output(path, b.stage(path, b.module(path, logits)));
}

function unitStage(context: Context, path: string, x: Ref, spec: ConvSpec): Ref {
  const { b, style, width, options } = context;
  const padded = { ...spec, outChannels: width(spec.outChannels), padding: options.padding };
  return b.stage(path, convBlock(b, path, x, padded, style));
}
