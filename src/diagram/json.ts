import type { Diagram } from "./diagram.js";

/** The record itself, as JSON with two spaces: title, nodes, edges. */
export function diagramJson(diagram: Diagram): string {
  return `${JSON.stringify(diagram, null, 2)}\n`;
}
