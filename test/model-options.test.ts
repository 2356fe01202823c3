/** An option that a kind of model cannot have is refused, in every command and function that takes a model. */
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compareNetworks } from "../src/node/diff-operands.js";
import { type LoadModelOptions, loadModel, resolveModel } from "../src/node/load-model.js";
import { openSegmenter } from "../src/node/segment/segmenter.js";
import { evaluateModel } from "../src/node/training/evaluate-model.js";
import { float32Tensor } from "../src/tensor/tensor.js";
import { failureOf } from "./failures.js";
import { refused as inception, ROOT } from "./program.js";

const DIGITS = path.join(ROOT, "examples/digits");
const IMAGE = path.join(DIGITS, "images/7-a.png");
const WEIGHTS = path.join(DIGITS, "googlenet-digits.safetensors");
let folder = "";
let file = "";

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), "inception-options-"));
  file = path.join(folder, "digits.onnx");
  copyFileSync(path.join(DIGITS, "digits.onnx"), file);
});
afterAll(() => rmSync(folder, { recursive: true }));

describe("beside an ONNX file", () => {
  const cases: readonly [LoadModelOptions, string][] = [
    [{ weights: "w.safetensors" }, "weights"],
    [{ options: { numClasses: 3 } }, "options"],
    [{ checkpoint: "last" }, "checkpoint"],
    [{ allow: { missing: ["fc.bias"] } }, "allow"],
    [{ weights: "w.safetensors", options: { numClasses: 3 } }, "weights and options"],
  ];

  test.each(cases)("%o is refused by every function that takes a model", async (options, named) => {
    const expected = { code: "OPTION_INVALID", message: `Cannot use ${named} with file "${file}": a file has its own` };
    expect(await failureOf(loadModel(file, options))).toMatchObject(expected);
    expect(await failureOf(openSegmenter(file, options))).toMatchObject(expected);
    expect(await failureOf(evaluateModel(file, folder, options))).toMatchObject(expected);
  });

  test("--weights, --option and --checkpoint are refused by every command that takes a file", async () => {
    const err = (named: string) => ({ code: 2, out: "", err: `inception: Cannot use ${named} with file "${file}": a file has its own\n` });
    for (const [flags, named] of [
      [["--weights", WEIGHTS], "weights"],
      [["--option", "numClasses=3"], "options"],
    ] as const) {
      expect(await inception("classify", IMAGE, "--model", file, ...flags)).toEqual(err(named));
      expect(await inception("embed", IMAGE, "--model", file, ...flags)).toEqual(err(named));
      expect(await inception("eval", file, folder, ...flags)).toEqual(err(named));
    }
    expect(await inception("classify", IMAGE, "--model", file, "--checkpoint", "last")).toEqual(err("checkpoint"));
  });

  test("outputs are the only ones that the model has and computes", async () => {
    const all = await loadModel(file);
    const names = all.session.outputs.map(({ name }) => name);
    expect(names).toEqual(["logits", "features"]);
    const one = await loadModel(file, { outputs: ["features"] });
    try {
      expect(one.session.outputs.map(({ name }) => name)).toEqual(["features"]);
      expect(one.selfCheck).toBeLessThan(1e-3);
      const input = float32Tensor([1, 3, 64, 64], new Float32Array(3 * 64 * 64).fill(0.5));
      const [ofAll, ofOne] = [await all.session.run({ input }), await one.session.run({ input })];
      expect(Object.keys(ofOne)).toEqual(["features"]);
      expect(ofOne.features).toEqual(ofAll.features);
      expect(await failureOf(one.session.run({ input }, { fetches: ["logits"] }))).toMatchObject({
        code: "FEED_INVALID",
        message: `Cannot run "${file}": output "logits" was not selected, expected features`,
      });
    } finally {
      await all.close();
      await one.close();
    }
    expect(await failureOf(loadModel(file, { outputs: ["logits", "map"] }))).toMatchObject({
      code: "OPTION_INVALID",
      message: `Cannot select output "map" of "${file}": expected logits, features`,
    });
  });

  test("labels are one for each class", async () => {
    expect(await failureOf(loadModel(file, { labels: ["a", "b"] }))).toMatchObject({
      code: "OPTION_INVALID",
      message: 'Cannot use 2 class names for "googlenet.public": it has 10 classes',
    });
  });
});

describe("beside a bundled model and a network", () => {
  test("options of other kinds are refused", async () => {
    const bundled = (named: string) => ({
      code: "OPTION_INVALID",
      message: `Cannot use ${named} with bundled model "hippocampus": a bundled model has its own`,
    });
    expect(await failureOf(resolveModel("hippocampus", { weights: WEIGHTS }))).toMatchObject(bundled("weights"));
    expect(await failureOf(resolveModel("hippocampus", { checkpoint: "best", options: { numClasses: 2 } }))).toMatchObject(
      bundled("options and checkpoint"),
    );
    expect(await failureOf(resolveModel("hippocampus", { allow: { unexpected: ["x"] } }))).toMatchObject(bundled("allow"));
    expect(await failureOf(resolveModel("googlenet", { weights: WEIGHTS, checkpoint: 3 }))).toMatchObject({
      code: "OPTION_INVALID",
      message: 'Cannot use checkpoint with network "googlenet": its weights are in a file, expected a run directory',
    });
  });

  test("labels of a bundled model are obeyed, and refused where they are too few", async () => {
    const { metadata } = await resolveModel("hippocampus", { labels: ["nothing", "front", "back"] });
    expect(metadata.labels).toEqual(["nothing", "front", "back"]);
    expect(await failureOf(resolveModel("hippocampus", { labels: ["front"] }))).toMatchObject({
      message: 'Cannot use 1 class names for "inception_resnet_3d.table": it has 3 classes',
    });
  });
});

describe("diff and export", () => {
  test("refuse options that no operand uses", async () => {
    expect(await failureOf(compareNetworks(file, file, { options: { numClasses: 3 } }))).toMatchObject({
      code: "OPTION_INVALID",
      message: `Cannot use options numClasses: neither "${file}" nor "${file}" is a model id, which takes options`,
    });
    expect((await inception("diff", WEIGHTS, WEIGHTS, "--tensors", "--option", "numClasses=3")).err).toBe(
      "inception: unexpected --option: supported only with --model; see inception diff --help\n",
    );
    expect((await inception("diff", WEIGHTS, WEIGHTS, "--tensors", "--checkpoint", "last")).err).toBe(
      `inception: unexpected --checkpoint: neither "${WEIGHTS}" nor "${WEIGHTS}" is a run; see inception diff --help\n`,
    );
  });

  test("refuse flags of another format", async () => {
    const given = ["export", "googlenet", "--weights", WEIGHTS, "--out"];
    const st = path.join(folder, "x.safetensors");
    expect((await inception(...given, st, "--dynamic-size")).err).toBe(
      "inception: unexpected --dynamic-size: supported only with --format onnx, not with safetensors; see inception export --help\n",
    );
    expect((await inception(...given, path.join(folder, "x.onnx"), "--naming", "torchvision")).err).toBe(
      "inception: unexpected --naming: supported only with --format safetensors, not with onnx; see inception export --help\n",
    );
  });
});
