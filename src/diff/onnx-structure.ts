import { qualifiedOp } from "../formats/onnx/check-ops.js";
import { valueOfTensor } from "../formats/onnx/shapes/layout.js";
import type { OnnxAttribute, OnnxNode, OnnxTensor, OnnxValueInfo } from "../formats/onnx/types.js";
import type { Attributes, AttributeValue } from "../ir/graph.js";
import { type Dim, formatShape, type Shape } from "../tensor/shape.js";
import { onnxMacs, onnxShape } from "./onnx-shapes.js";
import { type Layer, type Structure, type StructureBlock, type StructureValue, singleBlock, totals } from "./structure.js";

/** What is compared of an ONNX file, or of what a network would be exported as: `data` is looked at where it is a shape. */
export interface OnnxForm {
  readonly name: string;
  readonly nodes: readonly OnnxNode[];
  readonly initializers: readonly (Pick<OnnxTensor, "name" | "dtype" | "shape"> & Partial<OnnxTensor>)[];
  readonly inputs: readonly OnnxValueInfo[];
  readonly outputs: readonly OnnxValueInfo[];
  /** Initializers that are not parameters but constants which a lowering added: they are not counted. Default: none. */
  readonly constants?: ReadonlySet<string>;
  /** Types that the file states for values in between. */
  readonly valueInfo?: readonly OnnxValueInfo[];
}

/**
 * An ONNX graph as it is compared: node by node, under the nodes' names. Nodes whose names begin alike (`mixed_5b.…`,
 * `/mixed_5b/…`) are a block. Shapes and multiply-adds follow from the input's shape as far as the operators are known.
 * Identity and Dropout do nothing at inference and are left out; constants and weights that are only put into another
 * form count as weights.
 */
export function structureOfOnnx(form: OnnxForm): Structure {
  const weights = new Map(form.initializers.map((tensor) => [tensor.name, tensor]));
  for (const node of form.nodes) addConstant(weights, node);
  const aliases = new Map<string, string>();
  const resolve = (value: string): string => aliases.get(value) ?? value;
  const shapes = new Map<string, Shape | null>();
  for (const { name, shape } of [...(form.valueInfo ?? []), ...form.outputs, ...form.inputs])
    shapes.set(name, shape ? knownDims(shape) : null);
  for (const [name, { shape }] of weights) shapes.set(name, shape);
  const paths = new Set<string>();
  const layers: Layer[] = [];
  const makers = new Map<string, Layer>();
  for (const node of form.nodes) {
    const [input] = node.inputs;
    if (weights.has(node.outputs[0] ?? "")) continue;
    if ((node.opType === "Identity" || node.opType === "Dropout") && input !== undefined && node.outputs[0] !== undefined) {
      aliases.set(node.outputs[0], resolve(input));
      continue;
    }
    const resolved = { ...node, inputs: node.inputs.map(resolve) };
    if (rearranges(resolved, weights, shapes)) continue;
    const layer = layerOf(resolved, uniquePath(paths, node, layers.length), weights, shapes, form.constants);
    layers.push(layer);
    for (const output of node.outputs) if (output !== "") makers.set(output, layer);
  }
  const isWeight = new Set(weights.keys());
  return {
    name: form.name,
    inputs: form.inputs.filter(({ name }) => !isWeight.has(name)).map(endOf),
    outputs: form.outputs.map(endOf),
    blocks: blocksOf(layers),
    named: layers.length === 0 || layers.filter(({ path }) => NUMBERED.test(path)).length <= layers.length / 2,
    makers,
    layers: layers.length,
    ...totals(layers),
  };
}

/** A name that an exporter counted: `n12`, `Conv_7`, `120`. */
const NUMBERED = /^[A-Za-z_]*\d+$/;

type Weight = OnnxForm["initializers"][number];

/** What a node makes of nothing but itself or a shape. */
function addConstant(weights: Map<string, Weight>, { opType, inputs: [input = ""], outputs: [name], attributes }: OnnxNode): void {
  if (name === undefined || (opType !== "Constant" && opType !== "ConstantOfShape")) return;
  const tensor = attributes.find((attribute) => attribute.type === "tensor")?.value;
  if (opType === "Constant") weights.set(name, tensor ? { ...tensor, name } : { name, dtype: "float32", shape: [] });
  else {
    const shape = integersOf(weights.get(input));
    if (shape) weights.set(name, { name, dtype: tensor?.dtype ?? "float32", shape });
  }
}

const REARRANGING = new Set(["Cast", "Reshape", "Transpose"]);

/** Whether a node only puts a weight in another order or form: its result is that weight. */
function rearranges(node: OnnxNode, weights: Map<string, Weight>, shapes: Map<string, Shape | null>): boolean {
  const [weight, output] = [weights.get(node.inputs[0] ?? ""), node.outputs[0]];
  if (weight === undefined || output === undefined || !REARRANGING.has(node.opType)) return false;
  const attributes = attributesOf(node.opType, node.attributes, []);
  const shape = onnxShape(node.opType, [weight.shape], attributes, (index) => integersOf(weights.get(node.inputs[index] ?? "")));
  if (!shape?.every((size) => typeof size === "number")) return false;
  weights.set(output, { name: output, dtype: weight.dtype, shape: shape.map(Number) });
  shapes.set(output, shape);
  return true;
}

function uniquePath(taken: Set<string>, { name, outputs, opType }: OnnxNode, index: number): string {
  const base = name || outputs.find((output) => output !== "") || `${opType} ${index}`;
  let path = base;
  for (let i = 2; taken.has(path); i++) path = `${base} (${i})`;
  taken.add(path);
  return path;
}

function layerOf(
  node: OnnxNode,
  path: string,
  weights: ReadonlyMap<string, Weight>,
  shapes: Map<string, Shape | null>,
  constants: ReadonlySet<string> = new Set(),
): Layer {
  const op = qualifiedOp(node);
  const own = node.inputs.flatMap((input) => weights.get(input) ?? []);
  const inputs = node.inputs.map((input) => shapes.get(input) ?? null);
  const attributes = attributesOf(op, node.attributes, inputs);
  const stated = shapes.get(node.outputs[0] ?? "");
  const shape = stated ?? onnxShape(op, inputs, attributes, (index) => integersOf(weights.get(node.inputs[index] ?? "")));
  for (const [index, output] of node.outputs.entries())
    if (index === 0 || !shapes.has(output)) shapes.set(output, index === 0 ? shape : null);
  return {
    path,
    op,
    attributes,
    reads: node.inputs.filter((input) => input !== "" && !weights.has(input)),
    makes: node.outputs.filter((output) => output !== ""),
    weights: own.map((tensor) => tensor.shape),
    shape,
    parameters: parametersOf(
      op,
      own.filter(({ name }) => !constants.has(name)),
    ),
    macs: onnxMacs(op, inputs, shape),
  };
}

/** Trained values: of a normalization scale and shift alone, and none of whole numbers, which are shapes and places. */
function parametersOf(op: string, own: readonly Weight[]): number {
  const trained = op === "BatchNormalization" ? own.slice(0, 2) : own.filter(({ dtype }) => dtype.includes("float"));
  return trained.reduce((sum, { shape }) => sum + shape.reduce((product, size) => product * size, 1), 0);
}

/** The values of a small tensor of whole numbers: a shape or a list of axes. */
function integersOf(tensor: Weight | undefined): readonly number[] | null {
  if (tensor === undefined || tensor.shape.length > 1 || (tensor.shape[0] ?? 1) > 16 || !tensor.dtype.startsWith("int")) return null;
  return valueOfTensor(tensor).numbers;
}

// What says nothing about the result at inference.
const SILENT = new Set(["momentum", "spatial", "training_mode", "is_test", "consumed_inputs", "storage_order", "seed"]);
const WINDOWED = new Set(["AveragePool", "Conv", "ConvTranspose", "MaxPool"]);

// Values that an attribute has where a file leaves it out.
const DEFAULTS: Readonly<Record<string, Attributes>> = {
  AveragePool: { ceilMode: 0, countIncludePad: 0 },
  BatchNormalization: { epsilon: 1e-5 },
  Conv: { group: 1 },
  ConvTranspose: { group: 1 },
  Flatten: { axis: 1 },
  Gemm: { alpha: 1, beta: 1, transA: 0, transB: 0 },
  LRN: { alpha: 1e-4, beta: 0.75, bias: 1 },
  MaxPool: { ceilMode: 0 },
  Softmax: { axis: -1 },
};

function attributesOf(op: string, given: readonly OnnxAttribute[], inputs: readonly (Shape | null)[]): Attributes {
  const values = Object.fromEntries(given.filter(({ name }) => !SILENT.has(name)).map((one) => [camelCase(one.name), attributeValue(one)]));
  const all: Record<string, AttributeValue> = { ...(DEFAULTS[op] ?? {}), ...values };
  return WINDOWED.has(op) ? withWindow(op, all, inputs) : all;
}

/** A window in full: what is left out is 1 or 0, and automatic padding becomes the pads that it means. */
function withWindow(
  op: string,
  { autoPad, ...rest }: Record<string, AttributeValue>,
  [input, weight]: readonly (Shape | null)[],
): Attributes {
  const ofWeight = op.startsWith("Conv") ? (weight ?? []).slice(2).map(Number) : [];
  const kernelShape = listOf(rest.kernelShape) ?? ofWeight;
  const rank = kernelShape.length;
  const [strides, dilations] = [listOf(rest.strides) ?? Array<number>(rank).fill(1), listOf(rest.dilations) ?? Array<number>(rank).fill(1)];
  const stated = listOf(rest.pads) ?? Array<number>(2 * rank).fill(0);
  const window = { ...rest, kernelShape, strides, dilations };
  if (autoPad !== "SAME_UPPER" && autoPad !== "SAME_LOWER") return { ...window, pads: stated };
  const sizes = (input ?? []).slice(2);
  if (sizes.length !== rank || !sizes.every((size) => typeof size === "number")) return { ...window, pads: stated, autoPad };
  const totals = sizes.map((size, axis) => {
    const [stride = 1, extent] = [strides[axis], (dilations[axis] ?? 1) * ((kernelShape[axis] ?? 1) - 1) + 1];
    return Math.max(0, (Math.ceil(size / stride) - 1) * stride + extent - size);
  });
  const small = totals.map((padding) => Math.floor(padding / 2));
  const large = totals.map((padding) => Math.ceil(padding / 2));
  return { ...window, pads: autoPad === "SAME_UPPER" ? [...small, ...large] : [...large, ...small] };
}

function listOf(value: AttributeValue | undefined): readonly number[] | undefined {
  return typeof value === "object" ? value : undefined;
}

/** Floats are float32 in a file: 0.001 is written as 0.0010000000474974513 and means 0.001. */
function attributeValue(attribute: OnnxAttribute): AttributeValue {
  const float = (value: number): number => Number(Math.fround(value).toPrecision(7));
  switch (attribute.type) {
    case "float":
      return float(attribute.value);
    case "floats":
      return attribute.value.map(float);
    case "int":
      return Number(attribute.value);
    case "ints":
      return attribute.value.map(Number);
    case "string":
      return attribute.value;
    case "strings":
      return attribute.value.join(", ");
    case "tensor":
      return `${attribute.value.dtype}[${attribute.value.shape.join(", ")}]`;
    case "tensors":
    case "graph":
    case "graphs":
      return attribute.type;
  }
}

/** kernel_shape → kernelShape */
function camelCase(name: string): string {
  return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

function knownDims(shape: readonly (number | string | null)[]): Shape {
  return shape.map((dim): Dim => dim ?? "?");
}

function endOf({ name, dtype, shape }: OnnxValueInfo): StructureValue {
  const dims = shape && knownDims(shape);
  return { name, type: dtype === null || dims === null ? null : `${dtype}${formatShape(dims)}`, shape: dims };
}

/** Layers whose names begin alike, in the order of the first of each. */
function blocksOf(layers: readonly Layer[]): readonly StructureBlock[] {
  const blocks = new Map<string, Layer[]>();
  for (const layer of layers) {
    const path = /^\/?[^./:]+/.exec(layer.path)?.[0] ?? layer.path;
    const known = blocks.get(path);
    if (known) known.push(layer);
    else blocks.set(path, [layer]);
  }
  return [...blocks].map(([path, all]) => singleBlock(path, all));
}
