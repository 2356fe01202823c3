import { InceptionError } from "../errors.js";
import { formatType, sameType, type TensorType } from "../tensor/shape.js";
import type { Graph, Node } from "./graph.js";

/** The types that a node's op gives for its inputs; throws where the op's law is broken. */
type TypeRule = (node: Node, inputs: readonly TensorType[]) => readonly TensorType[];

/**
 * Check a whole graph: every value is defined once and before it is read, has the type that its op gives, and is read
 * by somebody. Cheap (linear), so it runs after every rewrite.
 *
 * @throws InceptionError GRAPH_INVALID naming the graph, the node and the value
 */
export function validateGraph(graph: Graph, typeRule: TypeRule): void {
  const defined = new Set<string>();
  const used = new Set<string>(graph.outputs.map((output) => output.value));
  const define = (value: string, type: TensorType, what: string): void => {
    if (defined.has(value)) throw invalid(graph, `${what} "${value}" is defined twice`);
    const declared = graph.types.get(value);
    if (declared === undefined || !sameType(declared, type)) {
      throw invalid(
        graph,
        `${what} "${value}" is declared ${declared ? formatType(declared) : "without a type"}, expected ${formatType(type)}`,
      );
    }
    defined.add(value);
  };
  for (const input of graph.inputs) define(input.name, input.type, "input");
  for (const parameter of graph.parameters) define(parameter.path, parameter.type, "parameter");
  const paths = new Set<string>();
  for (const node of graph.nodes) {
    if (paths.has(node.path)) throw invalid(graph, `node "${node.path}" is defined twice`);
    paths.add(node.path);
    const types = typeRule(node, readInputs(graph, node, defined, used));
    if (types.length !== node.outputs.length) {
      throw invalid(graph, `node "${node.path}" has ${node.outputs.length} outputs, op ${node.op} gives ${types.length}`);
    }
    for (const [index, output] of node.outputs.entries()) define(output, types[index] as TensorType, "value");
  }
  checkReferences(graph, defined);
  // A node is there for any of its outputs: nobody has to read all of them.
  const accompanied = new Set(graph.nodes.flatMap(({ outputs }) => (outputs.some((output) => used.has(output)) ? outputs : [])));
  const unused = [...defined].filter((value) => !used.has(value) && !accompanied.has(value));
  if (unused.length > 0) throw invalid(graph, `nothing reads ${unused.map((value) => `"${value}"`).join(", ")}`);
}

function readInputs(graph: Graph, node: Node, defined: ReadonlySet<string>, used: Set<string>): readonly TensorType[] {
  return node.inputs.map((input) => {
    const type = graph.types.get(input);
    if (type === undefined || !defined.has(input))
      throw invalid(graph, `node "${node.path}" reads "${input}", which is not defined before it`);
    used.add(input);
    return type;
  });
}

function checkReferences(graph: Graph, defined: ReadonlySet<string>): void {
  if (graph.outputs.length === 0) throw invalid(graph, "it has no output");
  const names = graph.outputs.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw invalid(graph, `output "${twice}" is defined twice`);
  for (const { kind, path, value } of references(graph)) {
    if (!defined.has(value)) throw invalid(graph, `${kind} "${path}" names "${value}", which is not defined`);
  }
}

function references(graph: Graph): readonly { kind: string; path: string; value: string }[] {
  return [
    ...graph.outputs.map(({ name, value }) => ({ kind: "output", path: name, value })),
    ...graph.modules.map(({ path, output }) => ({ kind: "module", path, value: output })),
    ...graph.stages.map(({ path, output }) => ({ kind: "stage", path, value: output })),
  ];
}

function invalid(graph: Graph, fact: string): InceptionError {
  return new InceptionError("GRAPH_INVALID", `Cannot use graph "${graph.name}": ${fact}`, { graph: graph.name });
}
