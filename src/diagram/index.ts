import { InceptionError } from "../errors.js";
import type { Diagram } from "./diagram.js";
import { diagramDot } from "./dot.js";
import { diagramJson } from "./json.js";
import { diagramMermaid } from "./mermaid.js";
import { diagramSvg } from "./svg.js";

export { type Diagram, type DiagramEdge, type DiagramKind, type DiagramNode, type DiagramOptions, diagram } from "./diagram.js";

/** Every format, sorted. To add one: a file beside this one, its line here. */
export const DIAGRAM_FORMATS = {
  dot: diagramDot,
  json: diagramJson,
  mermaid: diagramMermaid,
  svg: diagramSvg,
} as const satisfies Record<string, (diagram: Diagram) => string | Promise<string>>;

/** A text format of diagrams by name. */
export type DiagramFormat = keyof typeof DIAGRAM_FORMATS;

/**
 * Writes a diagram in a format: `mermaid`, `dot` (Graphviz), `svg`, or `json` (the record itself). Ends with a line break.
 *
 * @throws InceptionError OPTION_INVALID listing the formats
 */
export async function renderDiagram(drawn: Diagram, format: string): Promise<string> {
  if (!isDiagramFormat(format)) {
    throw new InceptionError(
      "OPTION_INVALID",
      `Cannot write a diagram as ${JSON.stringify(format)}: expected one of ${Object.keys(DIAGRAM_FORMATS).join(", ")}`,
      { format },
    );
  }
  return DIAGRAM_FORMATS[format](drawn);
}

export function isDiagramFormat(name: string): name is DiagramFormat {
  return Object.hasOwn(DIAGRAM_FORMATS, name);
}
