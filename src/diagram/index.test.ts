import { describe, expect, test } from "vitest";
import { goldenPath } from "../../test/shared.js";
import { describeModel, findModel } from "../models/index.js";
import { DIAGRAM_FORMATS, diagram, isDiagramFormat, renderDiagram } from "./index.js";

// After a change of the drawing that is meant: `npx vitest run src/diagram -u`, and look at the new files.
const COMMITTED: readonly (readonly [string, string | undefined, string, string])[] = [
  ["googlenet.public", undefined, "mermaid", "mmd"],
  ["googlenet.public", "inception3a", "dot", "dot"],
  ["googlenet.public", "inception3a", "json", "json"],
  ["googlenet.public", "inception3a", "svg", "svg"],
  ["inception_resnet_v1.public", undefined, "svg", "svg"],
  ["inception_resnet_v2.public", "repeat_1.0", "svg", "svg"],
  ["inception_resnet_v2.spec", undefined, "mermaid", "mmd"],
  ["inception_resnet_v2.spec", "inception_a", "mermaid", "mmd"],
];

describe("the committed diagrams", () => {
  test.each(COMMITTED)("%s %s as %s", async (id, block, format, extension) => {
    const text = await renderDiagram(diagram(findModel(id).describe(), { block }), format);
    const name = block === undefined ? id : `${id}.${block}`;
    await expect(text).toMatchFileSnapshot(goldenPath(`diagrams/${name}.${extension}`));
  });
});

test("json is the record itself", async () => {
  const drawn = diagram(describeModel("googlenet"), { block: "inception3a" });
  const text = await renderDiagram(drawn, "json");
  expect(JSON.parse(text)).toEqual(drawn);
  expect(text.endsWith("}\n")).toBe(true);
});

test("the formats are listed, sorted", () => {
  expect(Object.keys(DIAGRAM_FORMATS)).toEqual(["dot", "json", "mermaid", "svg"]);
  expect(isDiagramFormat("svg")).toBe(true);
  expect(isDiagramFormat("constructor")).toBe(false);
});

test("another format is refused, listing them", async () => {
  const message = 'Cannot write a diagram as "png": expected one of dot, json, mermaid, svg';
  await expect(renderDiagram({ title: "t", nodes: [], edges: [] }, "png")).rejects.toMatchObject({ code: "OPTION_INVALID", message });
});
