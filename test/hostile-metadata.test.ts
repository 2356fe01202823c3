/** Metadata made to harm: self-checks, options and names of ONNX files, through the commands that read them. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { concatChunks } from "../src/formats/concat-chunks.js";
import { encodeModel } from "../src/formats/onnx/encode.js";
import { floats, model, node } from "../src/formats/onnx/onnx-graphs.cases.js";
import type { OnnxValueInfo } from "../src/formats/onnx/types.js";
import { refused as inception, ROOT } from "./program.js";
import { sharedPath, titleNeeding } from "./shared.js";

const IMAGE = path.join(ROOT, "examples/digits/images/0-a.png");
let folder = "";
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), "inception-metadata-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

const RECIPE = {
  resize: { kind: "warp", size: 8, filter: "bilinear" },
  crop: [8, 8],
  channelOrder: "RGB",
  mean: [0, 0, 0],
  std: [1, 1, 1],
};
const ABOUT = {
  version: 1,
  model: "m",
  options: {},
  source: "s",
  licence: "l",
  preprocessing: RECIPE,
  labels: null,
  weightsSha256: null,
  golden: null,
};
const GOLDEN = { key: "k", shape: [1, 3, 8, 8], low: 0, high: 1 };

/** A file whose logits are the means of the three channels. */
function writeModel(metadata: string, inputs: readonly OnnxValueInfo[] = [floats("input", 1, 3, 8, 8)]): string {
  const file = path.join(folder, "x.onnx");
  const nodes = [node("GlobalAveragePool", inputs[0]?.name ?? "", "pooled"), node("Flatten", "pooled", "logits")];
  const means = model({ nodes, inputs, outputs: [floats("logits", 1, 3)] });
  const { chunks } = encodeModel({ ...means, metadata: new Map([["inceptionkit", metadata]]) });
  writeFileSync(file, concatChunks(chunks));
  return file;
}

const about = (change: object) => JSON.stringify({ ...ABOUT, ...change });
const classify = (file: string) => inception("classify", IMAGE, "--model", file, "--batch-size", "1");

describe("a self-check", () => {
  test.each([
    [
      "that nothing could fail",
      { logits: [1e200, -1e200, 1e200] },
      'output "logits" of its self-check is not a list of finite float32 values',
    ],
    ["without outputs", {}, "its self-check has no outputs"],
  ])("%s is rejected", async (_, outputs, fact) => {
    const file = writeModel(about({ golden: { ...GOLDEN, outputs } }));
    expect(await classify(file)).toEqual({
      code: 2,
      out: "",
      err: `inception: Cannot use the metadata "inceptionkit" of "${file}": ${fact}\n`,
    });
  });

  test("of a second input that asks for 16 PB is rejected", async () => {
    const inputs = [floats("input", 1, 3, 8, 8), floats("second", 2 ** 32, 2 ** 20)];
    const file = writeModel(about({ golden: { ...GOLDEN, outputs: { logits: [1, 2, 3] } } }), inputs);
    const { code, err } = await classify(file);
    expect([code, err]).toEqual([2, expect.stringMatching(/^inception: [^\n]+\n$/)]);
  });

  test("with wrong values is rejected, and with right ones the image is classified", async () => {
    const wrong = writeModel(about({ golden: { ...GOLDEN, outputs: { logits: [1, 2, 3] } } }));
    const { code, err } = await classify(wrong);
    expect([code, err]).toEqual([
      2,
      expect.stringMatching(
        /the embedded self-check failed on cpu \(largest difference [\d.]+ standard deviations of the output, tolerance 0\.002\); .*; re-export the model on this machine\n$/,
      ),
    ]);
    expect((await classify(writeModel(about({})))).code).toBe(0);
  });

  test("of an output named __proto__ asks for an output that is not there", async () => {
    const text = JSON.stringify({ ...ABOUT, golden: { ...GOLDEN, outputs: JSON.parse('{"__proto__":[1,2,3]}') as object } });
    const file = writeModel(text);
    const err = `inception: Cannot run "${file}": output "__proto__" is unknown, the model has logits\n`;
    expect(await classify(file)).toEqual({ code: 2, out: "", err });
  });
});

test("an input named __proto__ is an input", async () => {
  const file = writeModel(about({}), [floats("__proto__", 1, 3, 8, 8)]);
  expect((await classify(file)).code).toBe(0);
});

describe("options", () => {
  test("nested 20,000 levels deep are rejected by every command", async () => {
    const file = writeModel(`{"version":1,"model":"m","options":{"a":${"[".repeat(20_000)}${"]".repeat(20_000)}}}`);
    const err = `inception: Cannot use the metadata "inceptionkit" of "${file}": Cannot read its text as JSON: nesting is deeper than 16 at character 55\n`;
    for (const args of [
      ["inspect", file],
      ["inspect", file, "--json"],
      ["diff", file, file],
      ["classify", IMAGE, "--model", file],
    ])
      expect(await inception(...args)).toEqual({ code: 2, out: "", err });
  });

  test("that have functions' names are texts", async () => {
    const file = writeModel(about({ options: { a: { toString: 1, valueOf: 1 }, b: [1, "x"] } }));
    const { code, out } = await inception("diff", file, file);
    expect([code, out.match(/A reports: .*/)?.[0]]).toEqual([0, 'A reports: m a={"toString":1,"valueOf":1} b=1,x']);
  });

  test("are cut where they are shown", async () => {
    const long = "v".repeat(5000);
    const file = writeModel(about({ model: long, options: { long }, source: long, licence: long, labels: [long] }));
    const { out } = await inception("inspect", file);
    expect(out.split("\n").filter((line) => line.length > 500)).toEqual([]);
  });
});

const HOSTILE = "data/hostile";
describe("the shared files", () => {
  const hostile = sharedPath(HOSTILE);
  const files =
    hostile === null ? [] : readdirSync(path.join(hostile, "onnx")).filter((name) => /^(golden|input|labels|metadata|options)-/.test(name));
  test.skipIf(!hostile)(titleNeeding("with such metadata work or fail in one line", hostile, HOSTILE), async () => {
    expect(files).toHaveLength(10);
    for (const name of files) {
      const file = path.join(hostile ?? "", "onnx", name);
      const recipe = ["--preprocessing", path.join(hostile ?? "", "preprocessing.json")];
      for (const args of [
        ["inspect", file],
        ["diff", file, file],
        ["classify", IMAGE, "--model", file, "--batch-size", "1", ...recipe],
      ]) {
        const { code, err } = await inception(...args);
        expect([0, 2], `${name}: ${err}`).toContain(code);
        expect(err).toMatch(code === 0 ? /^$/ : /^inception: [^\n]{1,500}\n$/);
      }
    }
  });

  test.skipIf(!hostile)(
    titleNeeding("that are archives are inspected or rejected in one line, not unpacked", hostile, HOSTILE),
    async () => {
      for (const name of readdirSync(path.join(hostile ?? "", "archives"))) {
        const file = path.join(hostile ?? "", "archives", name);
        const { code, err } = await inception("inspect", file);
        expect([0, 2], `${name}: ${err}`).toContain(code);
        const weights = await inception("classify", IMAGE, "--model", "googlenet.paper", "--weights", file);
        expect([weights.code, weights.err]).toEqual([2, expect.stringMatching(/^inception: [^\n]{1,1500}\n$/)]);
      }
    },
  );
});
