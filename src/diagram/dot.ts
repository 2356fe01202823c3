import { plainText } from "../text.js";
import type { Diagram } from "./diagram.js";
import { COLORS, INK } from "./palette.js";

/** A digraph in Graphviz's language, for `dot -Tsvg` or `dot -Tpdf`. */
export function diagramDot(diagram: Diagram): string {
  const lines = [
    `digraph ${quoted(diagram.title)} {`,
    `  graph [label=${quoted(diagram.title)}, labelloc=t, fontname="Helvetica", fontsize=16, nodesep=0.35, ranksep=0.4];`,
    `  node [shape=box, style="rounded,filled", fontname="Helvetica", fontsize=12, fontcolor="${INK}", margin="0.15,0.06"];`,
    '  edge [fontname="Helvetica", fontsize=10, color="#57606a", fontcolor="#424a53", arrowsize=0.7];',
  ];
  for (const { id, label, lines: below, kind, path } of diagram.nodes) {
    const { fill, stroke } = COLORS[kind];
    const text = [label, ...below].map(escaped).join("\\n");
    lines.push(`  ${quoted(id)} [label="${text}", tooltip=${quoted(path)}, fillcolor="${fill}", color="${stroke}"];`);
  }
  // The space keeps the label off its arrow.
  for (const { from, to, shape } of diagram.edges) lines.push(`  ${quoted(from)} -> ${quoted(to)} [label=" ${escaped(shape)}"];`);
  return `${lines.join("\n")}\n}\n`;
}

function quoted(text: string): string {
  return `"${escaped(text)}"`;
}

/** Backslashes are doubled, because \N and \G in a label stand for names of the graph; & would start an HTML entity. */
function escaped(text: string): string {
  return plainText(text).replaceAll("&", "&amp;").replaceAll("\\", "\\\\").replaceAll('"', '\\"');
}
