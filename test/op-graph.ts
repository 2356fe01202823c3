/** Graphs of a single node, for the tests of ops. */
import type { Attributes, Graph } from "../src/ir/graph.js";
import { GraphBuilder } from "../src/ops/build.js";
import type { OpName } from "../src/ops/index.js";
import type { CaseInput } from "../src/ops/op.cases.js";
import type { Tensor } from "../src/tensor/tensor.js";
import { asTensor, type Floats, filled } from "./run-graph.js";

/** What the files of cases export, with the op forgotten. */
export interface AnyOpCase {
  readonly name: string;
  readonly inputs: readonly CaseInput[];
  readonly attributes: Attributes;
}

/** One op as the node "node": inputs "0", "1", … as they are fed or kept as weights, output "y". */
export function opGraph(op: OpName, inputs: readonly CaseInput[], attributes: Attributes): Graph {
  const b = new GraphBuilder(op);
  const refs = inputs.map(({ shape }, index) =>
    isFed({ shape }) ? b.input(String(index), shape) : b.parameter(String(index), shape.map(Number), "bias"),
  );
  // A file of cases types its attributes by its op, which is lost when all files are read at once.
  b.output("y", b.add(op, "node", refs, attributes as never));
  return b.finish();
}

export function isFed({ shape }: CaseInput): boolean {
  return typeof shape[0] === "string";
}

/** Values for all inputs of a case with so many images, in order. */
export function caseValues(op: OpName, { name, inputs }: AnyOpCase, images: number): readonly Floats[] {
  return inputs.map(({ shape, low = -1, high = 1 }, index) => {
    const sizes = shape.map((dim) => (typeof dim === "number" ? dim : images));
    return filled(`${op}:${name}:${index}`, sizes, low, high);
  });
}

/** The values of an op graph, split into what is fed and what is a weight. */
export function splitValues(inputs: readonly CaseInput[], values: readonly Floats[]) {
  const feeds: Record<string, Floats> = {};
  const parameters = new Map<string, Tensor>();
  for (const [index, value] of values.entries()) {
    const input = inputs[index];
    if (input && isFed(input)) feeds[index] = value;
    else parameters.set(String(index), asTensor(value));
  }
  return { feeds, parameters };
}
