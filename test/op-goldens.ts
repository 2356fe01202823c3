/** The single operations of test/goldens/ops/ops.json (PyTorch's words) as graphs of our ops. */
import { readFileSync } from "node:fs";
import type { Attributes, Graph } from "../src/ir/graph.js";
import { GraphBuilder, type Ref } from "../src/ops/build.js";
import type { OpName } from "../src/ops/index.js";
import type { Shape } from "../src/tensor/shape.js";
import type { Tensor } from "../src/tensor/tensor.js";
import { opGraph, splitValues } from "./op-graph.js";
import type { Floats } from "./run-graph.js";
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
  readonly running_mean_before?: Stored;
  readonly running_var_before?: Stored;
}

/** A graph that computes what a golden computed, its inputs, and the golden's output. */
export interface GoldenGraph {
  readonly op: string;
  readonly graph: Graph;
  readonly feeds: Readonly<Record<string, Floats>>;
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
  if (op === "batch_norm" && params.training === false) return [batchNormalization(golden)];
  if (op === "local_response_norm") return lrn(golden);
  if (op === "normalize") {
    return [single(golden, "lpNormalization", { axis: Number(params.dim), p: Number(params.p), epsilon: Number(params.eps) })];
  }
  if (op === "linear") return [single(golden, "gemm", {}, ["x", "w", "b"])];
  if (op === "cat dim 1") return [single(golden, "concat", { axis: 1 }, ["a", "b", "c"], 3)];
  if (op === "relu(scale*branch + x)") return [residual(golden)];
  return [];
}

/** One node; the first `fed` inputs have an open batch, the others are weights. */
function single(golden: OpGolden, op: OpName, attributes: Attributes, names: readonly string[] = ["x"], fed = 1): GoldenGraph {
  const stored = names.map((name) => golden.inputs[name]).filter((input) => input !== undefined);
  return fromStored(golden, op, attributes, stored, fed);
}

function fromStored(golden: OpGolden, op: OpName, attributes: Attributes, stored: readonly Stored[], fed = 1): GoldenGraph {
  const inputs = stored.map(({ shape }, index) => ({ shape: index < fed ? openBatch(shape) : shape }));
  return {
    op,
    graph: opGraph(op, inputs, attributes),
    ...splitValues(inputs, stored.map(floats)),
    expected: floats(golden.output),
  };
}

function batchNormalization(golden: OpGolden): GoldenGraph {
  const { x, gamma, beta } = golden.inputs;
  const stored = [x, gamma, beta, golden.running_mean_before, golden.running_var_before].filter((input) => input !== undefined);
  return fromStored(golden, "batchNormalization", { epsilon: Number(golden.params.eps) }, stored);
}

/** None for an even size: our law asks for an odd one. */
function lrn(golden: OpGolden): readonly GoldenGraph[] {
  const { size, alpha, beta, k } = golden.params;
  const attributes = { size: Number(size), alpha: Number(alpha), beta: Number(beta), bias: Number(k) };
  return attributes.size % 2 === 0 ? [] : [single(golden, "lrn", attributes)];
}

function residual(golden: OpGolden): GoldenGraph {
  const b = new GraphBuilder("residual");
  const stored = [golden.inputs.x, golden.inputs.branch].filter((input) => input !== undefined);
  const [x, branch] = stored.map(({ shape }, index): Ref => b.input(String(index), openBatch(shape)));
  if (x === undefined || branch === undefined) throw new RangeError(`Cannot read golden ${golden.name}`);
  const scaled = b.add("scale", "scale", [branch], { factor: Number(golden.params.scale) });
  b.output("y", b.add("relu", "relu", [b.add("add", "sum", [x, scaled], {})], {}));
  const inputs = stored.map(({ shape }) => ({ shape: openBatch(shape) }));
  return { op: "scale, add, relu", graph: b.finish(), ...splitValues(inputs, stored.map(floats)), expected: floats(golden.output) };
}

function convAttributes(golden: OpGolden): Attributes {
  const kernelShape = (golden.inputs.w?.shape ?? []).slice(2);
  return { ...windowAttributes(golden, kernelShape), groups: Number(golden.params.groups ?? 1) };
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
