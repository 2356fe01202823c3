/** Small ONNX graphs for tests, written by hand. */
import type { OnnxAttribute, OnnxGraph, OnnxModel, OnnxNode, OnnxTensor, OnnxValueInfo } from "./types.js";

export function node(opType: string, inputs: string, outputs: string, attributes: readonly OnnxAttribute[] = []): OnnxNode {
  const names = (text: string) => (text === "" ? [] : text.split(" ").map((name) => (name === "_" ? "" : name)));
  return { opType, domain: "", name: "", inputs: names(inputs), outputs: names(outputs), attributes };
}

export const int = (name: string, value: number): OnnxAttribute => ({ name, type: "int", value });
export const ints = (name: string, ...value: readonly number[]): OnnxAttribute => ({ name, type: "ints", value });
export const text = (name: string, value: string): OnnxAttribute => ({ name, type: "string", value });

export function int64(name: string, ...values: readonly (number | bigint)[]): OnnxTensor {
  const data = new Uint8Array(BigInt64Array.from(values.map(BigInt)).buffer);
  return { name, dtype: "int64", shape: [values.length], data };
}

export function float32(name: string, shape: readonly number[], ...values: readonly number[]): OnnxTensor {
  const count = shape.reduce((product, size) => product * size, 1);
  const data = values.length === 0 ? new Float32Array(count) : Float32Array.from(values);
  return { name, dtype: "float32", shape, data: new Uint8Array(data.buffer) };
}

export function floats(name: string, ...shape: readonly (number | string)[]): OnnxValueInfo {
  return { name, dtype: "float32", shape };
}

/** A model with input `x` and output `y` unless other ones are stated. */
export function model(graph: Partial<OnnxGraph> & Pick<OnnxGraph, "nodes">, opset = 17): OnnxModel {
  return {
    irVersion: 8,
    opsets: [{ domain: "", version: opset }],
    producerName: "",
    producerVersion: "",
    metadata: new Map(),
    graph: {
      name: "g",
      initializers: [],
      inputs: [floats("x", 1, 3, 8, 8)],
      outputs: [{ name: "y", dtype: "float32", shape: null }],
      valueInfo: [],
      ...graph,
    },
  };
}
