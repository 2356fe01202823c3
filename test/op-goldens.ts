/** The single operations of test/goldens/ops/ops.json (PyTorch's words) as graphs of our ops. */
import { readFileSync } from "node:fs";
import type { Attributes, Graph } from "../src/ir/graph.js";
import { type ResizeMode, type ResizeSpec, resize, tile } from "../src/layers/resize.js";
import { GraphBuilder, type Ref } from "../src/ops/build.js";
import type { OpName } from "../src/ops/index.js";
import type { Shape } from "../src/tensor/shape.js";
import type { Tensor } from "../src/tensor/tensor.js";
import { opGraph, splitValues } from "./op-graph.js";
import type { Floats, Values } from "./run-graph.js";
import { goldenPath } from "./shared.js";

interface Stored {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

export interface OpGolden {
  readonly name: string;
  readonly op: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly inputs: Readonly<Record<string, Stored>>;
  readonly output: Stored;
  readonly grad_output: Stored;
  /** Of Σ output · grad_output, by the names of the inputs. */
  readonly grads: Readonly<Record<string, Stored>>;
  readonly running_mean_before?: Stored;
  readonly running_var_before?: Stored;
}

/** A graph that computes what a golden computed, its inputs, and the golden's output. */
export interface GoldenGraph {
  readonly op: string;
  /** What the golden calls the graph's inputs "0", "1", … */
  readonly names: readonly string[];
  readonly graph: Graph;
  readonly feeds: Readonly<Record<string, Values>>;
  readonly parameters: ReadonlyMap<string, Tensor>;
  readonly expected: Floats;
}

export function readOpGoldens(): readonly OpGolden[] {
  return (JSON.parse(readFileSync(goldenPath("ops/ops.json"), "utf8")) as { readonly ops: readonly OpGolden[] }).ops;
}

/** The graphs for a golden; none where this release has no such op. */
export function goldenGraphs(golden: OpGolden): readonly GoldenGraph[] {
  const { op, params } = golden;
  const rank = (golden.inputs.x?.shape.length ?? 2) - 2;
  if (op === "conv2d" || op === "conv3d" || op === "conv2d_same") return [single(golden, "conv", convAttributes(golden), ["x", "w", "b"])];
  if (/^max_pool[23]d(_same)?$/.test(op)) return [single(golden, "maxPool", poolAttributes(golden))];
  // timm's SAME average pool adds zeros first and counts them.
  const countIncludePad = op === "avg_pool2d_same" || (params.count_include_pad ?? true) === true;
  if (/^avg_pool[23]d(_same)?$/.test(op)) return [single(golden, "averagePool", { ...poolAttributes(golden), countIncludePad })];
  if (/^adaptive_avg_pool[23]d$/.test(op)) {
    const outputShape = perAxis(params.output_size, rank, 1);
    const adaptive = rank === 2 ? [single(golden, "adaptiveAveragePool", { outputShape })] : [];
    return outputShape.every((size) => size === 1) ? [...adaptive, single(golden, "globalAveragePool", {})] : adaptive;
  }
  if (/^conv_transpose[23]d$/.test(op)) return [single(golden, "convTranspose", convTransposeAttributes(golden), ["x", "w", "b"])];
  if (op === "batch_norm") return [batchNormalization(golden)];
  if (op === "instance_norm") {
    return [single(golden, "instanceNormalization", { epsilon: Number(params.eps) }, ["x", "gamma", "beta"])];
  }
  if (op === "local_response_norm") return [lrn(golden)];
  if (op === "normalize") {
    return [single(golden, "lpNormalization", { axis: Number(params.dim), p: Number(params.p), epsilon: Number(params.eps) })];
  }
  if (op === "linear") return [single(golden, "gemm", {}, ["x", "w", "b"])];
  if (op === "cat dim 1") return [single(golden, "concat", { axis: 1 }, ["a", "b", "c"], 3)];
  if (op === "leaky_relu") return [single(golden, "leakyRelu", { alpha: Number(params.negative_slope) })];
  return layered(golden);
}

/** The graphs of goldens that are more than one node. */
function layered(golden: OpGolden): readonly GoldenGraph[] {
  const { op, params } = golden;
  const sizes = (golden.inputs.x?.shape ?? []).slice(2);
  if (op === "relu(scale*branch + x)") {
    const residual = (b: GraphBuilder, [x, branch]: readonly Ref[]) => {
      const scaled = b.add("scale", "scale", [required(branch)], { factor: Number(params.scale) });
      return b.add("relu", "relu", [b.add("add", "sum", [required(x), scaled], {})], {});
    };
    return [composed(golden, "scale, add, relu", ["x", "branch"], 2, residual)];
  }
  if (op === "softmax") {
    // Its params do not say so, but like the losses it is taken of 3·x: the logarithms of its output are 3 times as far apart.
    const sharpened = (b: GraphBuilder, [x]: readonly Ref[]) =>
      b.add("softmax", "softmax", [b.add("scale", "scale", [required(x)], { factor: 3 })], { axis: Number(params.dim) });
    return [composed(golden, "scale, softmax", ["x"], 1, sharpened)];
  }
  if (op === "prelu") {
    const perChannel = (b: GraphBuilder, [x, w]: readonly Ref[]) =>
      b.add("pRelu", "pRelu", [required(x), b.add("reshape", "slope", [required(w)], { shape: [-1, ...sizes.map(() => 1)] })], {});
    return [composed(golden, "reshape, pRelu", ["x", "w"], 1, perChannel)];
  }
  if (/^adaptive_avg_pool[23]d\+expand$/.test(op)) {
    const tiled = (b: GraphBuilder, [x]: readonly Ref[]) => tile(b, "tile", b.add("globalAveragePool", "pool", [required(x)], {}), sizes);
    return [composed(golden, "globalAveragePool, expand", ["x"], 1, tiled)];
  }
  if (op === "interpolate") {
    return [composed(golden, "matMulAxis", ["x"], 1, (b, [x]) => resize(b, "resize", required(x), resizeSpec(golden)))];
  }
  return [];
}

function resizeSpec({ params, inputs }: OpGolden): ResizeSpec {
  const rank = (inputs.x?.shape.length ?? 2) - 2;
  const modes: Readonly<Record<string, ResizeMode>> = {
    nearest: "nearest",
    "nearest-exact": "nearest_exact",
    bilinear: "linear",
    trilinear: "linear",
    bicubic: "cubic",
  };
  const mode = modes[String(params.mode)];
  if (mode === undefined) throw new RangeError(`Cannot read mode ${String(params.mode)}`);
  return {
    mode,
    alignCorners: params.align_corners === true,
    antialias: params.antialias === true,
    ...(params.size === undefined ? { scales: perAxis(params.scale_factor, rank, 1) } : { sizes: perAxis(params.size, rank, 1) }),
  };
}

/** Several nodes; the first `fed` inputs have an open batch, the others are weights. */
function composed(
  golden: OpGolden,
  op: string,
  names: readonly string[],
  fed: number,
  build: (b: GraphBuilder, inputs: readonly Ref[]) => Ref,
): GoldenGraph {
  const b = new GraphBuilder(golden.name);
  const stored = names.map((name) => required(golden.inputs[name]));
  const inputs = stored.map(({ shape }, index) => ({ shape: index < fed ? openBatch(shape) : shape }));
  const refs = inputs.map(({ shape }, index) =>
    index < fed ? b.input(String(index), shape) : b.parameter(String(index), shape.map(Number), "bias"),
  );
  b.output("y", build(b, refs));
  return { op, names, graph: b.finish(), ...splitValues(inputs, stored.map(floats)), expected: floats(golden.output) };
}

function required<T>(value: T | undefined): T {
  if (value === undefined) throw new RangeError("Cannot read golden: an input is missing");
  return value;
}

/** One node; the first `fed` inputs have an open batch, the others are weights. */
function single(golden: OpGolden, op: OpName, attributes: Attributes, names: readonly string[] = ["x"], fed = 1): GoldenGraph {
  const given = names.filter((name) => golden.inputs[name] !== undefined);
  const stored = given.map((name) => required(golden.inputs[name]));
  return fromStored(golden, op, attributes, given, stored, fed);
}

function fromStored(
  golden: OpGolden,
  op: OpName,
  attributes: Attributes,
  names: readonly string[],
  stored: readonly Stored[],
  fed = 1,
): GoldenGraph {
  const inputs = stored.map(({ shape }, index) => ({ shape: index < fed ? openBatch(shape) : shape }));
  return {
    op,
    names,
    graph: opGraph(op, inputs, attributes),
    ...splitValues(inputs, stored.map(floats)),
    expected: floats(golden.output),
  };
}

function batchNormalization(golden: OpGolden): GoldenGraph {
  const names = ["x", "gamma", "beta"];
  const attributes = { epsilon: Number(golden.params.eps) };
  if (golden.params.training === true) return single(golden, "batchNormalizationTraining", attributes, names);
  const running = [required(golden.running_mean_before), required(golden.running_var_before)];
  return fromStored(golden, "batchNormalization", attributes, names, [...names.map((name) => required(golden.inputs[name])), ...running]);
}

function lrn(golden: OpGolden): GoldenGraph {
  const { size, alpha, beta, k } = golden.params;
  return single(golden, "lrn", { size: Number(size), alpha: Number(alpha), beta: Number(beta), bias: Number(k) });
}

function convAttributes(golden: OpGolden): Attributes {
  const kernelShape = (golden.inputs.w?.shape ?? []).slice(2);
  return { ...windowAttributes(golden, kernelShape), groups: Number(golden.params.groups ?? 1) };
}

function convTransposeAttributes(golden: OpGolden): Attributes {
  const kernelShape = (golden.inputs.w?.shape ?? []).slice(2);
  const outputPadding = perAxis(golden.params.output_padding, kernelShape.length, 0);
  return { ...windowAttributes(golden, kernelShape), groups: 1, outputPadding };
}

function poolAttributes(golden: OpGolden): Attributes {
  const rank = (golden.inputs.x?.shape.length ?? 2) - 2;
  return { ...windowAttributes(golden, perAxis(golden.params.kernel_size, rank, 1)), ceilMode: golden.params.ceil_mode === true };
}

function windowAttributes({ op, params, inputs }: OpGolden, kernelShape: readonly number[]): Attributes {
  const rank = kernelShape.length;
  const sizes = (inputs.x?.shape ?? []).slice(2);
  const strides = perAxis(params.stride, rank, 1);
  const dilations = perAxis(params.dilation, rank, 1);
  const extents = kernelShape.map((k, axis) => (dilations[axis] ?? 1) * (k - 1) + 1);
  if (op.endsWith("_same") || params.padding === "same") {
    const totals = extents.map((extent, axis) => {
      const [size, stride] = [sizes[axis] ?? 0, strides[axis] ?? 1];
      return Math.max((Math.ceil(size / stride) - 1) * stride + extent - size, 0);
    });
    const begins = totals.map((total) => Math.floor(total / 2));
    return { kernelShape, strides, dilations, pads: [...begins, ...totals.map((total, axis) => total - (begins[axis] ?? 0))] };
  }
  const pads = perAxis(params.padding, rank, 0);
  return { kernelShape, strides, dilations, pads: [...pads, ...pads] };
}

function perAxis(given: unknown, rank: number, absent: number): readonly number[] {
  if (Array.isArray(given)) return given.map(Number);
  return Array.from({ length: rank }, () => (given === undefined ? absent : Number(given)));
}

function openBatch(shape: readonly number[]): Shape {
  return ["N", ...shape.slice(1)];
}

function floats({ shape, data }: Stored): Floats {
  return { shape, data: Float32Array.from(data) };
}
