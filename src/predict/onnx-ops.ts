import { onnxTensor } from "../formats/onnx/tensor.js";
import type { OnnxAttribute, OnnxNode, OnnxTensor } from "../formats/onnx/types.js";
import { at } from "../tensor/at.js";
import type { Tensor } from "../tensor/tensor.js";

/** Writes nodes that are no part of a described network. Values are names. */
export interface Ops {
  /** A node with one output. */
  add(opType: string, inputs: readonly string[], attributes?: Readonly<Record<string, number>>): string;
  addAll(opType: string, inputs: readonly string[], outputs: number, attributes?: Readonly<Record<string, number>>): readonly string[];
  /** A node whose output has the given name. */
  name(opType: string, inputs: readonly string[], output: string): void;
  cast(value: string, to: "bool" | "double" | "float" | "int32" | "int64"): string;
  /** Constants; the same name is the same value. */
  float(name: string, value: number): string;
  double(name: string, value: number): string;
  ints(name: string, values: readonly number[]): string;
  /** The nodes since the last call. */
  take(): readonly OnnxNode[];
  constants(): readonly OnnxTensor[];
}

/** Element types of ONNX by their numbers in the format. */
const TYPE_NUMBERS = { float: 1, int32: 6, int64: 7, bool: 9, double: 11 } as const;

/** @param prefix - of every name that is made */
export function onnxOps(prefix: string): Ops {
  const constants = new Map<string, OnnxTensor>();
  let nodes: OnnxNode[] = [];
  let made = 0;
  const push = (
    opType: string,
    inputs: readonly string[],
    outputs: readonly string[],
    attributes: Readonly<Record<string, number>>,
  ): void => {
    const list = Object.entries(attributes).map(([name, value]): OnnxAttribute => ({ name, type: "int", value }));
    nodes.push({ opType, domain: "", name: `${prefix}:${opType}:${made++}`, inputs, outputs, attributes: list });
  };
  const addAll: Ops["addAll"] = (opType, inputs, count, attributes = {}) => {
    const outputs = Array.from({ length: count }, (_, index) => `${prefix}:${made}${count > 1 ? `.${index}` : ""}`);
    push(opType, inputs, outputs, attributes);
    return outputs;
  };
  const add: Ops["add"] = (opType, inputs, attributes) => at(addAll(opType, inputs, 1, attributes), 0);
  const constant = (name: string, tensor: Tensor): string => {
    const full = `${prefix}:${name}`;
    constants.set(full, onnxTensor(full, tensor));
    return full;
  };
  return {
    add,
    addAll,
    name: (opType, inputs, output) => push(opType, inputs, [output], {}),
    cast: (value, to) => add("Cast", [value], { to: TYPE_NUMBERS[to] }),
    float: (name, value) => constant(name, { dtype: "float32", shape: [], data: Float32Array.of(value) }),
    double: (name, value) => constant(`${name}_double`, { dtype: "float64", shape: [], data: Float64Array.of(value) }),
    ints: (name, values) => constant(name, { dtype: "int64", shape: [values.length], data: BigInt64Array.from(values, BigInt) }),
    take: () => {
      const taken = nodes;
      nodes = [];
      return taken;
    },
    constants: () => [...constants.values()],
  };
}
