import type { TensorType } from "../tensor/shape.js";

/**
 * The typed graph that every network becomes. A graph is a value: functions that change one return a new one, and
 * every rewrite is checked (validate.ts).
 *
 * Values are named. An input has the name of the input, a parameter its path, a node output the path of its node
 * (`path:output` for further outputs). Node and parameter paths equal the checkpoint's keys, so a name found in an error
 * message, a diagram or an ONNX file is the name in the weight file.
 */
export type AttributeValue = number | string | boolean | readonly number[];
export type Attributes = Readonly<Record<string, AttributeValue>>;

/** A value that is fed. */
export interface GraphInput {
  readonly name: string;
  readonly type: TensorType;
}

/**
 * Role of a parameter in its layer. Axis orders and defaults of every framework depend on this and on nothing else.
 * running_mean and running_var are statistics: not trained and not counted as parameters.
 */
export type ParameterRole =
  | "conv_kernel"
  | "conv_transpose_kernel"
  | "linear_kernel"
  | "bias"
  | "norm_scale"
  | "norm_shift"
  | "running_mean"
  | "running_var";

/** A weight, bias or statistic of a network; its values are separate from the graph. */
export interface Parameter {
  /** The checkpoint key, for example `conv1.conv.weight`. */
  readonly path: string;
  readonly type: TensorType;
  readonly role: ParameterRole;
  /** The stage it belongs to. */
  readonly stage: string;
}

/** One application of an op. Its path is the module's path in the checkpoint. */
export interface Node {
  readonly op: string;
  readonly path: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Attributes;
  /** The stage it belongs to. */
  readonly stage: string;
  /** The attributes were computed from the size of the input and are right for it alone, as TensorFlow's SAME padding with strides. */
  readonly sizeDependent?: true;
}

/** A named part of the network (a convolution unit, a branch, a block) and the value that leaves it. */
export interface Module {
  readonly path: string;
  readonly output: string;
}

/** A section of the network as the papers' tables list it: everything behind the previous stage up to the module `path`. */
export interface Stage {
  readonly path: string;
  readonly output: string;
}

/** A value that is returned, under a name of its own. */
export interface GraphOutput {
  readonly name: string;
  readonly value: string;
}

/** A network as data: typed values and the nodes that compute them. Immutable; passes return new graphs. */
export interface Graph {
  readonly name: string;
  readonly inputs: readonly GraphInput[];
  readonly parameters: readonly Parameter[];
  /** In an order in which each node follows everything it reads. */
  readonly nodes: readonly Node[];
  readonly outputs: readonly GraphOutput[];
  readonly modules: readonly Module[];
  readonly stages: readonly Stage[];
  /** The type of every input, parameter and node output. */
  readonly types: ReadonlyMap<string, TensorType>;
}

/** Whether training changes the parameter; running statistics are buffers. */
export function isTrainable(parameter: Parameter): boolean {
  return parameter.role !== "running_mean" && parameter.role !== "running_var";
}

/** The type of a value that is known to exist. */
export function typeOf(graph: Graph, value: string): TensorType {
  const type = graph.types.get(value);
  if (type === undefined) throw new RangeError(`Cannot find value "${value}" in graph "${graph.name}"`);
  return type;
}
