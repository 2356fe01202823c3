/** Described networks as ONNX graphs without weights, for tests of what can be inferred of them. */
import { lowerInference } from "../src/compile/compile.js";
import { type GraphForm, graphForm } from "../src/formats/onnx/shapes/infer.js";
import { computed, type Value } from "../src/formats/onnx/shapes/value.js";
import { type Graph, typeOf } from "../src/ir/graph.js";

/** What `compileInference` writes of a network, but for the values of its parameters. */
export function formOfGraph(graph: Graph): GraphForm {
  const { rewritten, nodes, constants } = lowerInference(graph);
  const parameters = rewritten.parameters.map(({ path, type }) => ({ name: path, dtype: type.dtype, shape: type.shape.map(Number) }));
  const inputs = rewritten.inputs.map(({ name, type }) => ({ name, ...type }));
  const outputs = rewritten.outputs.map(({ value }) => ({ name: value, ...typeOf(rewritten, value) }));
  return graphForm(
    { opsets: [{ domain: "", version: 19 }], graph: { nodes, initializers: [...parameters, ...constants], inputs, outputs } },
    graph.name,
  );
}

/** The inputs of a graph with every free size as the batch. */
export function batchFeeds(form: GraphForm, batch: number): ReadonlyMap<string, Value> {
  return new Map(
    form.inputs.map(({ name, dtype, shape }) => {
      if (dtype === null || shape === null) throw new Error(`the test has an input without a type: ${name}`);
      return [
        name,
        computed(
          dtype,
          shape.map((size) => (typeof size === "number" ? size : batch)),
        ),
      ];
    }),
  );
}
