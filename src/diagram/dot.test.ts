import { spawnSync } from "node:child_process";
import fc from "fast-check";
import { expect, test } from "vitest";
import { MODELS } from "../models/index.js";
import { type Diagram, diagram } from "./diagram.js";
import { diagramDot } from "./dot.js";
import { diagramOf, HOSTILE_TEXTS } from "./formats.cases.js";

const QUOTED = String.raw`"(?:[^"\\\u0000-\u001f]|\\[\\"n])*"`;
const ATTRIBUTES = `\\[[a-z]+=(?:${QUOTED}|[a-z0-9.]+)(?:, [a-z]+=(?:${QUOTED}|[a-z0-9.]+))*\\]`;
const STATEMENTS: readonly RegExp[] = [
  new RegExp(`^digraph ${QUOTED} \\{$`, "u"),
  new RegExp(`^ {2}(?:graph|node|edge) ${ATTRIBUTES};$`, "u"),
  new RegExp(`^ {2}${QUOTED} ${ATTRIBUTES};$`, "u"),
  new RegExp(`^ {2}${QUOTED} -> ${QUOTED} ${ATTRIBUTES};$`, "u"),
  /^\}$/,
];

function expectQuoted(drawn: Diagram): void {
  for (const line of diagramDot(drawn).split("\n").slice(0, -1)) expect(STATEMENTS.some((law) => law.test(line), line)).toBe(true);
}

test("no text gets out of its quotes", () => {
  expectQuoted(diagramOf(HOSTILE_TEXTS));
  fc.assert(fc.property(fc.array(fc.string({ unit: "binary" }), { maxLength: 6 }), (texts) => expectQuoted(diagramOf(texts))));
});

test("quotes, backslashes and entities are escaped", () => {
  const text = diagramDot({ ...diagramOf(['\\N "a" &lt;\nb']), title: "t" });
  expect(text).toContain(String.raw`"\\N \"a\" &amp;lt; b" [label="\\N \"a\" &amp;lt; b\n\\N`);
});

const graphviz = spawnSync("dot", ["-V"]).status === 0;

test.skipIf(!graphviz)(`Graphviz draws every network and hostile texts${graphviz ? "" : " [skipped: dot is not installed]"}`, () => {
  const sources = [...MODELS.map(({ describe: build }) => diagram(build())), diagramOf(HOSTILE_TEXTS)];
  for (const source of sources) {
    const { status, stdout, stderr } = spawnSync("dot", ["-Tsvg"], { input: diagramDot(source), encoding: "utf8" });
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout.match(/<g id="node\d+"/g)?.length).toBe(source.nodes.length);
    expect(stdout.match(/<g id="edge\d+"/g)?.length ?? 0).toBe(source.edges.length);
  }
});
