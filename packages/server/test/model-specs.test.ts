import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { failureOf } from "../../../test/failures.js";
import { ROOT } from "../../../test/program.js";
import { modelSpecs } from "../src/model-specs.js";

const MODEL = path.join(ROOT, "examples/digits/digits.onnx");
const folder = mkdtempSync(path.join(tmpdir(), "inception-specs-"));
afterAll(() => rmSync(folder, { recursive: true }));

const NONE = { models: [], names: [], modelDir: null, options: {} };

describe("names", () => {
  test("of a model are those of its file or directory, its id, or what it is given", async () => {
    const specs = await modelSpecs({
      ...NONE,
      models: ["a/digits.onnx", "runs/photos/", "hippocampus"],
      names: ["brain=hippocampus", "x=y.onnx"],
    });
    expect(specs.map(({ name, source }) => [name, source])).toEqual([
      ["brain", "hippocampus"],
      ["x", "y.onnx"],
      ["digits", "a/digits.onnx"],
      ["photos", "runs/photos/"],
    ]);
  });

  test("that are taken or cannot be in a URL are refused, and so is nothing at all", async () => {
    const messages = await Promise.all(
      [{ models: ["a/x.onnx", "b/x.onnx"] }, { names: ["a b=x.onnx"] }, {}].map(
        async (given) => (await failureOf(modelSpecs({ ...NONE, ...given }))).message,
      ),
    );
    expect(messages).toEqual([
      'Cannot serve two models as "x": give one of them another `name`',
      'Cannot serve "x.onnx" as "a b": expected a name of 1 to 128 letters, digits, dots, dashes and underscores',
      "Cannot serve: no model given; expected models or a directory of them",
    ]);
  });
});

describe("a directory of models", () => {
  const write = (name: string, settings: string | null, model = false): void => {
    mkdirSync(path.join(folder, name), { recursive: true });
    if (settings !== null) writeFileSync(path.join(folder, name, "serve.json"), settings);
    if (model) copyFileSync(MODEL, path.join(folder, name, "model.onnx"));
  };

  test("has one in each subdirectory: a file, a reference, options of its own over those of the command line", async () => {
    write("plain", null, true);
    write("tuned", '{ "maxBatch": 4, "queueDelay": 2.5 }', true);
    write("bundled", '{ "model": "hippocampus" }');
    write("beside", '{ "model": "../plain/model.onnx", "deadline": 1 }');
    write("notes", null);
    const specs = await modelSpecs({ ...NONE, modelDir: folder, options: { maxBatch: "16", threads: "2" } });
    expect(
      specs.map(({ name, source, options }) => [name, source, options.maxBatch, options.threads, options.queueDelay, options.deadline]),
    ).toEqual([
      ["beside", path.join(folder, "plain/model.onnx"), 16, 2, 0, 1],
      ["bundled", "hippocampus", 16, 2, 0, null],
      ["plain", path.join(folder, "plain/model.onnx"), 16, 2, 0, null],
      ["tuned", path.join(folder, "tuned/model.onnx"), 4, 2, 2.5, null],
    ]);
  });

  test.each([
    ["an option that is not one", '{ "maxBatsh": 4 }', true, "OPTION_INVALID"],
    ["a value that is not one", '{ "maxBatch": 0 }', true, "OPTION_INVALID"],
    ["what is not JSON", "{", true, "FILE_CORRUPT"],
    ["a list", "[]", true, "FILE_CORRUPT"],
    ["settings without a model", "{}", false, "OPTION_INVALID"],
    ["two models", '{ "model": "hippocampus" }', true, "OPTION_INVALID"],
  ])("with %s is refused, and names the model", async (_, settings, model, code) => {
    write("wrong", settings, model);
    const failure = await failureOf(modelSpecs({ ...NONE, modelDir: folder }));
    rmSync(path.join(folder, "wrong"), { recursive: true });
    expect(failure.code).toBe(code);
    expect(failure.message).toContain("wrong");
  });

  test("that is not there is refused", async () => {
    expect((await failureOf(modelSpecs({ ...NONE, modelDir: path.join(folder, "none") }))).code).toBe("FILE_NOT_FOUND");
  });
});
