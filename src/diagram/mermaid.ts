import { plainText } from "../text.js";
import type { Diagram } from "./diagram.js";
import { COLORS, INK } from "./palette.js";

/**
 * A flowchart in Mermaid's language as specification documents 001 and 002 write it: `conv1["Conv k=3 s=2 ReLU"];`,
 * `conv1 --> |"32*149*149"| conv2;`. Only what every version of Mermaid reads: ids of letters, digits and underscores,
 * quoted labels, one statement a line. Boxes are colored by kind.
 */
export function diagramMermaid(diagram: Diagram): string {
  const ids = mermaidIds(diagram.nodes.map((node) => node.id));
  const idOf = (id: string): string => ids.get(id) ?? mermaidId(id);
  const lines = [`%% ${escapeText(diagram.title)}`, "graph TD;"];
  for (const node of diagram.nodes) lines.push(`${idOf(node.id)}["${escapeText(node.notation)}"];`);
  for (const edge of diagram.edges) lines.push(`${idOf(edge.from)} --> |"${escapeText(edge.shape)}"| ${idOf(edge.to)};`);
  for (const kind of [...new Set(diagram.nodes.map((node) => node.kind))].sort()) {
    const { fill, stroke } = COLORS[kind];
    const members = diagram.nodes.filter((node) => node.kind === kind).map((node) => idOf(node.id));
    lines.push(`classDef kind_${kind} fill:${fill},stroke:${stroke},color:${INK};`, `class ${members.join(",")} kind_${kind};`);
  }
  return `${lines.join("\n")}\n`;
}

/** Each id as Mermaid takes it; two that would become the same are numbered. */
function mermaidIds(ids: readonly string[]): ReadonlyMap<string, string> {
  const taken = new Set<string>();
  const named = new Map<string, string>();
  for (const id of ids) {
    const base = mermaidId(id);
    let name = base;
    for (let i = 2; taken.has(name); i++) name = `${base}_${i}`;
    taken.add(name);
    named.set(id, name);
  }
  return named;
}

// Words of the language, which end or change a statement when an id is or ends in one, in any case.
const RESERVED =
  /(?:^|_)(?:call|class|classdef|click|default|direction|end|flowchart|graph|href|interpolate|linkstyle|style|subgraph|[ovx])$/i;

function mermaidId(id: string): string {
  const word = id.replace(/[^A-Za-z0-9]+/g, "_");
  const named = /^(?:\d|_*$)/.test(word) ? `n_${word}` : word;
  return RESERVED.test(named) ? `${named}_` : named;
}

// Everything that means something to Mermaid inside quotes, to Markdown or HTML goes as its number; letters of other scripts stay.
function escapeText(text: string): string {
  return plainText(text).replace(/[!-~]/g, (character) =>
    /[A-Za-z0-9 _.,:/()+*=[\]-]/.test(character) ? character : `#${character.charCodeAt(0)};`,
  );
}
