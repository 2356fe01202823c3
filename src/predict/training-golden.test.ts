import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { goldenPath } from "../../test/shared.js";
import { InceptionError } from "../errors.js";
import { goldenRoot } from "./golden-field.js";
import { isTrainingGolden, readTrainingGolden, sampleIndices, type TrainingGolden } from "./training-golden.js";

const TEXT = readFileSync(goldenPath("train/mini_googlenet.json"), "utf8");

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

function read(text: string): TrainingGolden {
  return readTrainingGolden(goldenRoot(text, "x.json"));
}

/** The golden with the value at a path replaced; undefined takes it out. */
function changed(path: readonly (string | number)[], value: Json | undefined): string {
  const root = JSON.parse(TEXT) as { [key: string]: Json };
  let at: Json = root;
  for (const key of path.slice(0, -1)) at = (at as { [key: string]: Json })[key] as Json;
  const last = path.at(-1) ?? "";
  if (value === undefined) delete (at as { [key: string]: Json })[last];
  else (at as { [key: string]: Json })[last] = value;
  return JSON.stringify(root);
}

test("reads what the file says", () => {
  const golden = read(TEXT);
  expect(isTrainingGolden(goldenRoot(TEXT, "x.json"))).toBe(true);
  expect(golden).toMatchObject({ name: "mini_googlenet", model: "mini.googlenet", labels: [1, 4, 7, 0], numClasses: 10, auxiliary: false });
  expect(golden.gradients.map(({ name, frozen, gradients, norms }) => [name, frozen, gradients.size, norms.size])).toEqual([
    ["step0_bn_train", false, 41, 41],
    ["step0_bn_eval", true, 41, 41],
  ]);
  expect(
    golden.trajectories.map(({ name, learningRate, optimizer }) => [name, learningRate, optimizer.name, optimizer.options.weightDecay]),
  ).toEqual([
    ["sgd_nesterov", 0.01, "sgd", 4e-5],
    ["rmsprop_tf", 0.045, "rmsprop_tf", 4e-5],
    ["adamw", 0.001, "adamw", 0.05],
  ]);
  expect(golden.trajectories[0]?.losses[5]).toEqual({ value: 2.11049933, noise: 4.8e-8 });
  expect(isTrainingGolden(goldenRoot('{"cases": {}}', "x.json"))).toBe(false);
});

test("samples lie where the goldens' text says", () => {
  // floor(k·n/16), then (floor(k·n/16) + 4391 + 7919·k) mod n, by hand for n = 10.
  expect(sampleIndices(10)).toEqual([
    ...[0, 0, 1, 1, 2, 3, 3, 4, 5, 5, 6, 6, 7, 8, 8, 9],
    ...[1, 0, 0, 9, 9, 9, 8, 8, 8, 7, 7, 6, 6, 6, 5, 5],
  ]);
});

describe("refuses, by name", () => {
  const place = 'Cannot read reference file "x.json": expected';
  test.each([
    [["num_classes"], 0, `${place} an integer from 1 to 100,000 at num_classes`],
    [["labels", 2], 10, `${place} an integer from 0 to 9 at labels.2`],
    [["labels"], [1], `${place} [1, channels, height, width] with at most 64 images at input.shape`],
    [["input", "shape"], [4, 3, 32], `${place} [4, channels, height, width] with at most 64 images at input.shape`],
    [["input", "shape"], [4, 3, 1e6, 1e6], `${place} a shape of positive integers and at most 16,777,216 elements at input.shape`],
    [["input", "shape"], [4, 3, -32, 32], `${place} a shape of positive integers and at most 16,777,216 elements at input.shape`],
    [["step0_bn_train", "loss"], "1", `${place} a number at step0_bn_train.loss`],
    [["step0_bn_eval"], undefined, `${place} a field "step0_bn_eval" at the top level`],
    [["step0_bn_train", "grads", "fc.bias", "grid"], [1], `${place} 16 numbers at step0_bn_train.grads.fc.bias.grid`],
    [
      ["optimisers", "adamw", "losses_f32_diff"],
      [1, 2],
      `${place} 6 losses, each with its deviation at optimisers.adamw.losses_before_each_step_then_after`,
    ],
    [["optimisers", "sgd_nesterov", "options", "nesterov"], 1, `${place} true or false at optimisers.sgd_nesterov.options.nesterov`],
  ] as const)("%j", (path, value, message) => {
    expect(() => read(changed(path, value as Json | undefined))).toThrow(
      expect.objectContaining({ code: "FILE_CORRUPT", message }) as InceptionError,
    );
  });

  test("another loss or optimizer", () => {
    expect(() => read(changed(["loss_definition"], "hinge"))).toThrow(
      expect.objectContaining({
        code: "FILE_UNSUPPORTED",
        message:
          'Cannot use reference file "x.json": its loss at loss_definition is "hinge", expected cross_entropy(mean over batch, label_smoothing=0.1) + 0.4 * the same of every aux head',
      }) as InceptionError,
    );
    expect(() => read(changed(["optimisers", "adamw", "options", "class"], "torch.optim.LBFGS"))).toThrow(
      expect.objectContaining({
        code: "FILE_UNSUPPORTED",
        message:
          'Cannot use reference file "x.json": its optimizer at optimisers.adamw.options.class is "torch.optim.LBFGS", expected torch.optim.SGD, timm.optim.RMSpropTF or torch.optim.AdamW',
      }) as InceptionError,
    );
  });

  test("whatever stands anywhere: a golden or an error that names the file", () => {
    const places = fc.constantFrom<readonly (string | number)[]>(
      ...[["case"], ["model"], ["input"], ["input", "key"], ["input", "range"], ["labels"], ["state_dict"], ["state_dict", 0]],
      ...[["step0_bn_train"], ["step0_bn_train", "logits"], ["step0_bn_train", "grads"], ["step0_bn_eval", "grad_l2_all"]],
      ...[["optimisers"], ["optimisers", "adamw"], ["optimisers", "adamw", "options"], ["optimisers", "adamw", "options", "betas"]],
      ...[
        ["optimisers", "rmsprop_tf", "options", "alpha"],
        ["optimisers", "adamw", "params_after_5", "fc.bias"],
      ],
    );
    fc.assert(
      fc.property(places, fc.jsonValue(), (path, value) => {
        try {
          read(changed(path, value as Json));
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(InceptionError);
        }
      }),
      { numRuns: 60 },
    );
  });
});
