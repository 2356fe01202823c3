/**
 * From a described network to an ONNX file.
 *
 *   Graph ──1 select──► Graph ──2 simplify──► Graph ──3 lower──► ONNX nodes ──4 encode──► bytes
 *                                                  parameters ──────────────────┘
 *
 * Each phase returns a new value and reaches only to the one before it.
 */
import { InceptionError } from "../errors.js";
import type { EncodedModel } from "../formats/onnx/encode.js";
import { onnxTensor } from "../formats/onnx/tensor.js";
import type { OnnxNode, OnnxTensor, OnnxValueInfo } from "../formats/onnx/types.js";
import { type Graph, typeOf } from "../ir/graph.js";
import { selectOutputs } from "../ir/prune.js";
import { checkGraph } from "../ops/index.js";
import type { MapLayout } from "../ops/op.js";
import { checkFinite } from "../tensor/finite.js";
import { formatShape, type TensorType } from "../tensor/shape.js";
import type { Tensor } from "../tensor/tensor.js";
import { checkAnySize, spatialNames } from "./any-size.js";
import { composePointwise } from "./compose.js";
import { emitModel } from "./emit.js";
import { inferenceLayout, lowerGraph } from "./lower.js";
import { dropInferenceIdentities } from "./simplify.js";
import { checkTarget, type TargetOptions } from "./targets/index.js";

/** What `compileInference` keeps of a network, and for which runtime it writes it. */
export interface CompileOptions extends TargetOptions {
  /** Output names or module paths to keep, in order. Default: all outputs of the graph. */
  readonly outputs?: readonly string[];
  /** A fixed batch. Default: any batch, named N. */
  readonly batch?: number;
  /**
   * Leave the sizes of the input open: height and width, or depth, height and width of a network for volumes. A network that is
   * right at its described size alone is refused. Default false.
   */
  readonly dynamicSize?: boolean;
  /** How maps lie in memory. Default: image by image, which is "chwn" too for a network that is described for one image. */
  readonly layout?: MapLayout;
  /** Entries for the file's metadata. */
  readonly metadata?: Readonly<Record<string, string>>;
}

/**
 * Emit a network for inference as a self-contained ONNX model, opset 19, standard operators only.
 *
 * @param parameters - a value for every parameter of the kept part, by path; the encoded chunks view these values
 *   without copying them
 * @returns the file in chunks, to be written one after the other or joined by `concatChunks`
 * @throws InceptionError WEIGHTS_MISMATCH where a value is missing or has another shape; NOT_FINITE where one holds NaN or infinity;
 *   OPTION_INVALID for an unknown output, and for `dynamicSize` of a network that is right at one size alone
 *
 * @example
 * ```ts
 * import { compileInference, concatChunks } from "inceptionkit/core";
 * import { describeModel } from "inceptionkit/models";
 * import { goldenParameters } from "inceptionkit/weights";
 * const graph = describeModel("googlenet", { widthMultiplier: 0.125 });
 * const bytes = concatChunks(compileInference(graph, goldenParameters(graph)).chunks);
 * ```
 */
export function compileInference(graph: Graph, parameters: ReadonlyMap<string, Tensor>, options: CompileOptions = {}): EncodedModel {
  const { rewritten, nodes, constants } = lowerInference(graph, options);
  // 4. Bytes.
  return emitModel({
    name: graph.name,
    nodes,
    initializers: [...rewritten.parameters.map(({ path, type }) => initializer(graph, path, type, parameters)), ...constants],
    inputs: rewritten.inputs.map(({ name, type }) => valueInfo(name, type, inputShape(type, options))),
    outputs: rewritten.outputs.map(({ name, value }) => {
      const type = typeOf(rewritten, value);
      return { value, info: valueInfo(name, type, outputShape(type, options)) };
    }),
    metadata: options.metadata ?? {},
  });
}

/** A network in ONNX's words, before any weights. */
interface LoweredInference {
  /** What was lowered: its inputs, outputs and parameters are the file's. */
  readonly rewritten: Graph;
  readonly nodes: readonly OnnxNode[];
  /** What the nodes need besides the parameters. */
  readonly constants: readonly OnnxTensor[];
}

/** The phases that need no weights: what `compileInference` would write. Throws as it does, except for weights. */
export function lowerInference(graph: Graph, options: CompileOptions = {}): LoweredInference {
  checkTarget(graph.name, options);
  // 1. Keep what the wanted outputs need.
  const selected = checkGraph(options.outputs ? selectOutputs(graph, options.outputs) : graph);
  if (options.dynamicSize === true) checkAnySize(selected, options);
  // 2. Drop what does nothing at inference; compose what is one linear map.
  const simplified = dropInferenceIdentities(selected);
  const rewritten = options.optimize === false ? simplified : composePointwise(simplified);
  // 3. Each op in the form of the target.
  return { rewritten, ...lowerGraph(rewritten, { ...options, layout: options.layout ?? inferenceLayout(rewritten) }) };
}

function initializer(graph: Graph, path: string, type: TensorType, parameters: ReadonlyMap<string, Tensor>): OnnxTensor {
  const tensor = parameters.get(path);
  if (tensor === undefined || tensor.dtype !== type.dtype || tensor.shape.join() !== type.shape.join()) {
    const found = tensor ? `${tensor.dtype}${formatShape(tensor.shape)}` : "no value";
    throw new InceptionError(
      "WEIGHTS_MISMATCH",
      `Cannot compile "${graph.name}": parameter "${path}" has ${found}, expected ${type.dtype}${formatShape(type.shape)}`,
      {
        path,
      },
    );
  }
  checkFinite(tensor.data, `compile "${graph.name}"`, `parameter "${path}"`);
  return onnxTensor(path, tensor);
}

function inputShape(type: TensorType, { batch, dynamicSize }: CompileOptions): readonly (number | string)[] {
  const names = spatialNames(type.shape.length);
  return type.shape.map((dim, axis) =>
    typeof dim === "string" ? (batch ?? dim) : axis >= 2 && dynamicSize ? (names[axis - 2] ?? dim) : dim,
  );
}

/** A feature map of a size-independent network has sizes that follow from the input's; they are left open. */
function outputShape(type: TensorType, { batch, dynamicSize }: CompileOptions): readonly (number | string | null)[] {
  return type.shape.map((dim, axis) => (typeof dim === "string" ? (batch ?? dim) : axis >= 2 && dynamicSize ? null : dim));
}

function valueInfo(name: string, { dtype }: TensorType, shape: readonly (number | string | null)[]): OnnxValueInfo {
  return { name, dtype, shape };
}
