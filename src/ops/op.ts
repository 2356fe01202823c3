import type { InceptionError } from "../errors.js";
import { InceptionError as TypedError } from "../errors.js";
import type { Attributes } from "../ir/graph.js";
import type { Dim, Shape, TensorType } from "../tensor/shape.js";
import type { Tensor } from "../tensor/tensor.js";

/** A value inside a graph under construction. */
export interface Ref {
  readonly id: string;
  readonly type: TensorType;
}

/** The attributes of an op that has none. */
export interface NoAttributes {
  readonly [name: string]: never;
}

/** The tensors that an op reads or gives, as a tuple of their types. */
export type Operands = readonly TensorType[];

/** So many operands. */
export type Fixed<N extends 1 | 2 | 3 | 4 | 5> = N extends 1
  ? readonly [TensorType]
  : N extends 2
    ? readonly [TensorType, TensorType]
    : N extends 3
      ? readonly [TensorType, TensorType, TensorType]
      : N extends 4
        ? readonly [TensorType, TensorType, TensorType, TensorType]
        : readonly [TensorType, TensorType, TensorType, TensorType, TensorType];

/** The operands of a layer: x, its kernel, and a bias that may be left out. */
export type LayerOperands = readonly [x: TensorType, w: TensorType] | readonly [x: TensorType, w: TensorType, bias: TensorType];

/** One T for each operand: `Each<Fixed<2>, string>` is `readonly [string, string]`. */
type Each<I extends Operands, T> = { readonly [K in keyof I]: T };

/** Where a rule is applied: the op and the node, for messages. */
export interface Site {
  readonly op: string;
  readonly path: string;
}

/** An attribute as ONNX types it; integers and floats are different attributes there. */
export type LoweredAttribute =
  | { readonly int: number }
  | { readonly float: number }
  | { readonly ints: readonly number[] }
  | { readonly string: string }
  | { readonly tensor: Tensor };

/** One ONNX node. */
export interface LoweredNode {
  readonly opType: string;
  /** Default "", ONNX's own operators; "com.microsoft" in forms for ONNX Runtime alone. */
  readonly domain?: "com.microsoft";
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, LoweredAttribute>>;
  /**
   * Set on the node that gives an op's output where that and the nodes before it only arrange the elements of this inner
   * value in another way, with the channels on axis 1 of both: what works on each channel alike may be done before.
   */
  readonly arranges?: string;
}

/**
 * How maps with four axes lie in memory: image by image, or with the batch innermost, where [1, C, H, W·N] holds N images as
 * one. A batch of one image lies as both, and counts as "chwn".
 */
export type MapLayout = "nchw" | "chwn";

/** What a lowering may use: names and types of its values, and a way to add constants and inner values. */
export interface LowerSite<I extends Operands = Operands, O extends Operands = Operands> extends Site {
  readonly layout: MapLayout;
  readonly inputs: Each<I, string>;
  readonly outputs: Each<O, string>;
  readonly inputTypes: I;
  readonly outputTypes: O;
  /** Adds an initializer named `<path>:<suffix>` and returns its name. */
  constant(suffix: string, tensor: Tensor): string;
  /** The name `<path>:<suffix>` for a value between two ONNX nodes of this lowering. */
  inner(suffix: string): string;
}

/** A way to write an op in ONNX. All forms of an op compute the same. */
export type Form<P extends Attributes, I extends Operands = Fixed<1>, O extends Operands = Fixed<1>> = (
  site: LowerSite<I, O>,
  attributes: P,
) => readonly LoweredNode[];

/** A sliding window per spatial axis: what the receptive field needs. */
export interface Window {
  readonly kernelShape: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
}

/**
 * Everything about one op, in one file: its law, shape rule, gradient, ONNX form, cost and window.
 *
 * `P` are the op's attributes, named as in ONNX (camelCase); `I` are its inputs and `O` its outputs. All rules are pure.
 */
export interface OpDef<P extends Attributes, I extends Operands = Fixed<1>, O extends Operands = Fixed<1>> {
  /** The law: operands with their shapes, and the formula of the result. */
  readonly doc: string;
  /** Names of the outputs behind the first, which are the values `<path>:<name>`. Default none. */
  readonly furtherOutputs?: readonly string[];
  /** The inputs, counted: throws SHAPE_INVALID where there are more or fewer. `inferNode` asks it before `infer`. */
  readonly operands: (inputs: Operands, site: Site) => I;
  /** Output types for input types. Throws SHAPE_INVALID naming the law that is broken. */
  readonly infer: (inputs: I, attributes: P, site: Site) => O;
  /** Builds the gradient out of ops that can be lowered; null where the op is not differentiable, on purpose. */
  readonly grad: GradientRule<P, I, O> | null;
  /** The form for every runtime, of ONNX's own operators. Targets may prefer others (compile/targets). */
  readonly lower: Form<P, I, O>;
  /** Multiply-adds for one image; pooling, normalization, activation and sums count as 0. */
  readonly macs: (inputs: I, outputs: O, attributes: P) => number;
  /** The window over each spatial axis of the first input; "all" where every input element reaches every output; null for 1. */
  readonly window: (attributes: P) => Window | "all" | null;
}

/** What a gradient rule builds with. Nodes are named below the node whose gradient is built; `name` is unique within one rule. */
export interface GradientBuilder {
  /** Adds a node and returns its first output. */
  add<K extends OpName>(op: K, name: string, inputs: InputsOf<K>, attributes: AttributesOf<K>): Ref;
  /** Adds a node and returns all its outputs. */
  addAll<K extends OpName>(op: K, name: string, inputs: InputsOf<K>, attributes: AttributesOf<K>): OutputsOf<K>;
}

/** The node whose gradient is built. */
export interface GradientSite<P extends Attributes, I extends Operands = Operands, O extends Operands = Operands> {
  readonly path: string;
  readonly inputs: Each<I, Ref>;
  readonly outputs: Each<O, Ref>;
  readonly attributes: P;
  /** Per input, whether its gradient is wanted: what is not wanted need not be built. */
  readonly needed: Each<I, boolean>;
}

/**
 * Gradients of the loss with respect to each input, given those with respect to each output (null for an output that
 * the loss does not depend on; never all null); null for an input that gets none. Each gradient has the shape of its
 * input. Only ops that can be lowered may be used, so that a backward graph is just a graph.
 */
export type GradientRule<P extends Attributes, I extends Operands = Fixed<1>, O extends Operands = Fixed<1>> = (
  b: GradientBuilder,
  site: GradientSite<P, I, O>,
  outputGradients: Each<O, Ref | null>,
) => readonly (Ref | null)[];

/**
 * All ops by name. Each op's file adds its own line, and `OPS` must have just these: so a gradient rule can name any op,
 * with the types of its attributes, and no op's file imports the table of all ops.
 */
// biome-ignore lint/suspicious/noEmptyInterface: the files of the ops fill it
export interface Ops {} // eslint-disable-line @typescript-eslint/no-empty-object-type

/** An op by name. */
export type OpName = keyof Ops;
export type AttributesOf<K extends OpName> = Parameters<Ops[K]["infer"]>[1];
/** The values that a node of an op reads. */
export type InputsOf<K extends OpName> = Each<Parameters<Ops[K]["infer"]>[0], Ref>;
/** The values that a node of an op gives. */
export type OutputsOf<K extends OpName> = Each<ReturnType<Ops[K]["infer"]>, Ref>;

/** The rules `macs` and `window` of ops that weigh nothing and look at one position. */
export const POINTWISE = { macs: () => 0, window: () => null } as const;

/** An error that names the op and the node: `Cannot infer shape of conv "a.b": <fact>`. */
export function shapeError(site: Site, fact: string, details: Readonly<Record<string, unknown>> = {}): InceptionError {
  return new TypedError("SHAPE_INVALID", `Cannot infer shape of ${site.op} "${site.path}": ${fact}`, {
    op: site.op,
    path: site.path,
    ...details,
  });
}

/** The rule `operands` of an op with so many inputs. */
export function exactly<const N extends 1 | 2 | 3 | 4 | 5>(count: N): (inputs: Operands, site: Site) => Fixed<N> {
  return (inputs, site) => {
    if (inputs.length !== count) throw shapeError(site, `expected ${count} inputs, got ${inputs.length}`);
    // The length was just checked, which a tuple type cannot follow.
    return inputs as unknown as Fixed<N>;
  };
}

/** The rule `operands` of a layer. */
export function layerOperands(inputs: Operands, site: Site): LayerOperands {
  const [x, w, bias] = inputs;
  if (x === undefined || w === undefined || inputs.length > 3) {
    throw shapeError(site, `expected x, w and maybe a bias, got ${inputs.length} inputs`);
  }
  return bias === undefined ? [x, w] : [x, w, bias];
}

/** The rule `operands` of an op with any number of inputs from one on. */
export function atLeastOne(inputs: Operands, site: Site): Operands {
  if (inputs.length === 0) throw shapeError(site, "expected at least 1 input, got 0");
  return inputs;
}

/** A size that must be known when the graph is built. */
export function concrete(dim: Dim | undefined, what: string, site: Site): number {
  if (typeof dim === "number") return dim;
  throw shapeError(site, `${what} must be a number, got ${dim === undefined ? "no such axis" : `"${dim}"`}`);
}

/** The spatial sizes of a tensor [N, C, spatial…]. */
export function spatialSizes(shape: Shape, site: Site): readonly number[] {
  if (shape.length < 3) throw shapeError(site, `expected an input [N, C, spatial…], got [${shape.join(", ")}]`);
  return shape.slice(2).map((dim, axis) => concrete(dim, `spatial size ${axis}`, site));
}
