import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { DIAGRAM_FORMATS, renderDiagram } from "../src/diagram/index.js";
import { structureDiagram, summarizeStructure } from "../src/diff/index.js";
import { structureOfOnnx } from "../src/diff/onnx-structure.js";
import { InceptionError } from "../src/errors.js";
import { trainModel } from "../src/node/training/train-model.js";
import { refused as inception } from "./program.js";
import { sharedPath, titleNeeding } from "./shared.js";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), "inception-views-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

const DIGITS = "examples/digits/digits.onnx";

describe("summary", () => {
  test("of an exported file counts what its network has", async () => {
    const given = ["--option", "numClasses=10", "--option", "inputSize=64", "--option", "widthMultiplier=0.25", "--json"];
    const file: unknown = JSON.parse((await inception("summary", DIGITS, "--json")).out);
    const described: unknown = JSON.parse((await inception("summary", "googlenet", ...given)).out);
    const { params, macs, convs } = described as { readonly params: number; readonly macs: number; readonly convs: number };
    expect(file).toMatchObject({ id: DIGITS, input: [null, 3, 64, 64], params, macs, convs, nonTrainable: null });
    expect((await inception("summary", "googlenet:numClasses=10:inputSize=64:widthMultiplier=0.25", "--json")).out).toBe(
      `${JSON.stringify(described)}\n`,
    );
    const { out } = await inception("summary", DIGITS);
    expect(out).toMatch(/^examples\/digits\/digits\.onnx, input \?×3×64×64$/m);
    expect(out).toMatch(/^layer +op +shape +parameters +MACs$/m);
    expect(out).toMatch(/^conv1\S* +Conv +16×32×32 +2,352 +2,408,448$/m);
    expect(out).toMatch(new RegExp(`^MACs {8}${macs.toLocaleString("en-US")} per input$`, "m"));
  });

  test("of a bundled model is that of its network", async () => {
    const { out, code } = await inception("summary", "hippocampus", "--stages");
    expect(code).toBe(0);
    expect(out).toMatch(/^inception_resnet_3d\.table, input 1×1×40×56×40$/m);
  });

  test("of a file takes no options, and of a file that is none says so", async () => {
    expect(await inception("summary", DIGITS, "--option", "numClasses=10")).toEqual({
      code: 2,
      out: "",
      err: `inception: Cannot use options with "${DIGITS}": only a network given by its id takes options\n`,
    });
    expect((await inception("diagram", "hippocampus", "--input", "1x1x32x32x32")).err).toBe(
      'inception: Cannot use options with "hippocampus": only a network given by its id takes options\n',
    );
    const text = path.join(folder, "notes.txt");
    writeFileSync(text, "no network");
    expect((await inception("summary", text)).err).toBe(
      `inception: Cannot show "${text}" as a network: it is not an ONNX file; inspect shows what any file contains\n`,
    );
  });
});

test("a run is summarized and drawn as its network", async () => {
  const run = path.join(folder, "run");
  const settings = { data: "shapes10?train=10&val=10&size=64", epochs: 1, batchSize: 10, augmentation: "none", seed: 1 };
  await trainModel("googlenet", settings, { out: run, options: { inputSize: 64, widthMultiplier: 0.0625 }, threads: 1 });
  const described = "googlenet:inputSize=64:widthMultiplier=0.0625:numClasses=10";
  expect(await inception("summary", run)).toEqual(await inception("summary", described));
  expect(await inception("diagram", run)).toEqual(await inception("diagram", described));
  expect((await inception("summary", run, "--option", "numClasses=5")).err).toBe(
    `inception: Cannot use options with "${run}": only a network given by its id takes options\n`,
  );
});

describe("diagram", () => {
  test("of an exported file has a box for each block, or the nodes of one", async () => {
    const { out, code, err } = await inception("diagram", DIGITS);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toContain('inception3a["inception3a"];');
    expect(out).toMatch(/maxpool2 --> \|"48\*8\*8"\| inception3a;/);
    const block = (await inception("diagram", DIGITS, "--block", "inception3a")).out;
    expect(block).toContain("Conv 3x3");
    expect(block).not.toContain("inception3b");
    expect((await inception("diagram", DIGITS, "--block", "none")).err).toMatch(
      /^inception: Cannot draw block "none" of "examples\/digits\/digits\.onnx": it has "conv1", .* and \d+ more\n$/,
    );
  });

  test("of a bundled model is that of its network", async () => {
    expect((await inception("diagram", "hippocampus")).out).toContain("graph TD;");
  });
});

const node = (name: string, opType: string, inputs: readonly string[], output: string) => ({
  name,
  opType,
  domain: "",
  inputs,
  outputs: [output],
  attributes: [],
});
const info = (name: string, shape: readonly (number | string)[] | null) => ({ name, dtype: "float32" as const, shape });

describe("a graph of another program", () => {
  test("shows what can be known and null for the rest", () => {
    const structure = structureOfOnnx({
      name: "net",
      nodes: [node("1", "Strange", ["x"], "a"), node("2", "Relu", ["x"], "b"), node("3", "Gemm", ["b", "w"], "y")],
      initializers: [{ name: "w", dtype: "float32", shape: [4, 2] }],
      inputs: [info("x", ["N", 4])],
      outputs: [info("y", null)],
    });
    expect(summarizeStructure(structure)).toMatchObject({
      id: "net",
      input: [null, 4],
      params: 8,
      nonTrainable: null,
      macs: 8,
      layers: [
        { path: "1", op: "Strange", shape: null, params: 0, macs: 0, receptiveField: null },
        { path: "2", op: "Relu", shape: [4] },
        { path: "3", op: "Gemm", shape: [2], params: 8, macs: 8 },
      ],
    });
    const drawn = structureDiagram(structure);
    expect(drawn.edges).toEqual([
      { from: "input x", to: "1", shape: "" },
      { from: "input x", to: "2", shape: "" },
      { from: "2", to: "3", shape: "4" },
      { from: "3", to: "output y", shape: "2" },
    ]);
  });

  test("has as many input sizes as its file states, whatever their names are", () => {
    const inputs = [info("x", ["batch, 3", 4, "]"])];
    const structure = structureOfOnnx({ name: "net", nodes: [], initializers: [], inputs, outputs: [] });
    expect(summarizeStructure(structure).input).toEqual([null, 4, null]);
  });

  test("of thousands of parts is not drawn", () => {
    const nodes = Array.from({ length: 2001 }, (_, k) => node(String(k), "Relu", [`v${k}`], `v${k + 1}`));
    const structure = structureOfOnnx({ name: "net", nodes, initializers: [], inputs: [info("v0", [1])], outputs: [info("v2001", [1])] });
    const message = 'Cannot draw "net": it has 2,001 parts, the limit is 2,000; draw one of its blocks';
    expect(() => structureDiagram(structure)).toThrow(new InceptionError("OPTION_INVALID", message, { parts: 2001, limit: 2000 }));
  });

  const light = sharedPath("data/model_formats/light_inception_v1.onnx");
  test.skipIf(light === null)(titleNeeding("is counted and drawn in every format", light, "data/model_formats"), async () => {
    const summary: unknown = JSON.parse((await inception("summary", light ?? "", "--json")).out);
    expect(summary).toMatchObject({ input: [1, 3, 224, 224], convs: 57 });
    for (const format of Object.keys(DIAGRAM_FORMATS)) {
      const { out, code } = await inception("diagram", light ?? "", "--format", format);
      expect({ format, code, empty: out.length < 1000 }).toEqual({ format, code: 0, empty: false });
    }
  });
});

test("names of a file reach a drawing as text", async () => {
  const structure = structureOfOnnx({
    name: '"];evil',
    nodes: [node('"];<script>', "Relu", ["x"], "y")],
    initializers: [],
    inputs: [info("x", [1])],
    outputs: [info("y", [1])],
  });
  for (const format of ["mermaid", "svg"]) expect(await renderDiagram(structureDiagram(structure), format)).not.toContain("<script>");
});
