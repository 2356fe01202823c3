/** Graphs with their gradients, for the tests of gradient rules. */
import { gradients } from "../src/autodiff/gradient.js";
import type { Graph } from "../src/ir/graph.js";
import { GraphBuilder, type Ref } from "../src/ops/build.js";
import type { Values } from "./run-graph.js";

export interface Differentiated {
  readonly graph: Graph;
  /** Those of `wrt` that got a gradient, which is the output `d:<name>`. */
  readonly reached: readonly string[];
}

/** The name of the input that weighs an output in the loss. */
export function cotangentName(output: string): string {
  return `cotangent:${output}`;
}

/**
 * The same graph with every input and parameter fed in the shape of its value, the scalar "loss" = Σ output · cotangent
 * over `outputs`, and its gradients.
 */
export function differentiated(
  graph: Graph,
  values: Readonly<Record<string, Values>>,
  wrt: readonly string[],
  outputs: readonly string[] = graph.outputs.map(({ name }) => name),
): Differentiated {
  const b = new GraphBuilder(`gradient of ${graph.name}`);
  const given = [
    ...graph.inputs.map(({ name, type }) => ({ name, type })),
    ...graph.parameters.map(({ path, type }) => ({ name: path, type })),
  ];
  for (const { name, type } of given) b.input(name, values[name]?.shape ?? [], type.dtype);
  for (const { op, path, inputs, attributes } of graph.nodes) {
    b.addNode(
      op,
      path,
      inputs.map((input) => b.ref(input)),
      attributes,
    );
  }
  const terms = graph.outputs.filter(({ name }) => outputs.includes(name)).map(({ name, value }) => weighted(b, name, b.ref(value)));
  const loss = b.add("sum", "loss.total", terms, {});
  const results = gradients(
    b,
    loss,
    wrt.map((name) => b.ref(name)),
  );
  b.output("loss", loss);
  const reached = wrt.flatMap((name, index) => {
    const gradient = results[index];
    if (gradient) b.output(`d:${name}`, gradient);
    return gradient ? [name] : [];
  });
  return { graph: b.finish(), reached };
}

function weighted(b: GraphBuilder, name: string, y: Ref): Ref {
  const product = b.add("mul", `loss.${name}`, [y, b.input(cotangentName(name), y.type.shape)], {});
  const axes = y.type.shape.map((_, axis) => axis);
  return axes.length === 0 ? product : b.add("reduceSum", `loss.${name}.sum`, [product], { axes, keepDims: false });
}
