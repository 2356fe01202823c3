/** Graphs of a single node, for the tests of ops. */
import type { Attributes, Graph } from "../src/ir/graph.js";
import { GraphBuilder } from "../src/ops/build.js";
import type { OpName } from "../src/ops/index.js";
import type { Tensor } from "../src/tensor/tensor.js";
import type { NaiveTensor } from "./naive.js";
import type { CaseInput } from "./op-cases/op-case.js";
import { asTensor, type Floats, filled, type Values } from "./run-graph.js";

/** What the files of cases export, with the op forgotten. */
export interface AnyOpCase {
  readonly name: string;
  readonly inputs: readonly CaseInput[];
  readonly attributes: Attributes;
}

/** One op as the node "node": inputs "0", "1", … as they are fed or kept as weights, outputs "y", "y1", "y2", … */
export function opGraph(op: OpName, inputs: readonly CaseInput[], attributes: Attributes): Graph {
  const b = new GraphBuilder(op);
  const refs = inputs.map((input, index) =>
    isFed(input) ? b.input(String(index), input.shape, input.dtype) : b.parameter(String(index), input.shape.map(Number), "bias"),
  );
  const outputs = b.addNode(op, "node", refs, attributes);
  for (const [index, output] of outputs.entries()) b.output(outputName(index), output);
  return b.finish();
}

/** The name of an op graph's output. */
export function outputName(index: number): string {
  return index === 0 ? "y" : `y${index}`;
}

export function isFed({ shape, dtype = "float32" }: CaseInput): boolean {
  return typeof shape[0] === "string" || dtype !== "float32";
}

/** Whether a case depends on the number of images. */
export function hasBatch({ inputs }: AnyOpCase): boolean {
  return inputs.some(({ shape }) => shape.some((dim) => typeof dim !== "number"));
}

/** Values for all inputs of a case with so many images, in order. */
export function caseValues(op: OpName, { name, inputs }: AnyOpCase, images: number): readonly Values[] {
  return inputs.map(({ shape, low = -1, high = 1, dtype = "float32" }, index) => {
    const sizes = shape.map((dim) => (typeof dim === "number" ? dim : images));
    const values = filled(`${op}:${name}:${index}`, sizes, low, high);
    return dtype === "float32" ? values : rounded(values, dtype);
  });
}

function rounded({ shape, data }: Floats, dtype: "int8" | "int32" | "int64" | "uint8"): Values {
  const whole = Array.from(data, Math.floor);
  if (dtype === "int64") return { shape, data: BigInt64Array.from(whole, BigInt) };
  const arrays = { int8: Int8Array, int32: Int32Array, uint8: Uint8Array };
  return { shape, data: arrays[dtype].from(whole) };
}

/** Values of any type for the loops. */
export function asNumbers({ shape, data }: Values): NaiveTensor {
  return { shape, data: data instanceof BigInt64Array ? Array.from(data, Number) : data };
}

/** The values of an op graph, split into what is fed and what is a weight. */
export function splitValues(inputs: readonly CaseInput[], values: readonly Values[]) {
  const feeds: Record<string, Values> = {};
  const parameters = new Map<string, Tensor>();
  for (const [index, value] of values.entries()) {
    const input = inputs[index];
    if (value.data instanceof Float32Array && !(input && isFed(input)))
      parameters.set(String(index), asTensor({ ...value, data: value.data }));
    else feeds[index] = value;
  }
  return { feeds, parameters };
}
