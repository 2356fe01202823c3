import { formatType } from "../tensor/shape.js";
import type { Attributes, Graph } from "./graph.js";
import { typeOf } from "./graph.js";

/**
 * A graph as text: one line for each input, parameter, node, stage and output.
 *
 * @example
 * ```ts
 * import { describeModel } from "inceptionkit/models";
 * import { printGraph } from "inceptionkit/core";
 * printGraph(describeModel("googlenet")).split("\n")[0]; // 'graph "googlenet.public"'
 * ```
 */
export function printGraph(graph: Graph): string {
  const lines = [`graph "${graph.name}"`];
  for (const input of graph.inputs) lines.push(`input ${input.name}: ${formatType(input.type)}`);
  for (const parameter of graph.parameters) lines.push(`parameter ${parameter.path}: ${formatType(parameter.type)} ${parameter.role}`);
  for (const node of graph.nodes) {
    const results = node.outputs.map((output) => `${output}: ${formatType(typeOf(graph, output))}`).join(", ");
    lines.push(`${results} = ${node.op}(${node.inputs.join(", ")})${formatAttributes(node.attributes)}`);
  }
  for (const stage of graph.stages) lines.push(`stage ${stage.path} = ${stage.output}`);
  for (const output of graph.outputs) lines.push(`output ${output.name} = ${output.value}`);
  return `${lines.join("\n")}\n`;
}

function formatAttributes(attributes: Attributes): string {
  const entries = Object.entries(attributes);
  if (entries.length === 0) return "";
  return ` {${entries.map(([name, value]) => `${name}: ${Array.isArray(value) ? `[${value.join(", ")}]` : String(value)}`).join(", ")}}`;
}
