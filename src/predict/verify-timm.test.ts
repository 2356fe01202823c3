/** timm's Inception-v3 has torchvision's values under names of its own: torchvision's golden, renamed. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { goldenPath } from "../../test/shared.js";
import { createNodeSession } from "../node/ort-session.js";
import { sha256Hex } from "../node/sha256.js";
import { verifyGoldenText } from "./verify.js";

interface Golden {
  readonly cases: { readonly native: { readonly stages: Record<string, { shape: number[] }> } };
  readonly state_dict: readonly (readonly [string, readonly number[]])[];
}

test("verify takes goldens of timm.inception_v3", { timeout: 120_000 }, async () => {
  const golden = JSON.parse(readFileSync(goldenPath("models/torchvision.inception_v3.json"), "utf8")) as Golden;
  const { native } = golden.cases;
  const { maxpool1, avgpool, ...others } = native.stages;
  // timm flattens in its pool, and its published networks have no auxiliary classifier.
  const stages = { ...others, Pool1: maxpool1, global_pool: { ...avgpool, shape: avgpool?.shape.slice(0, 2) } };
  const { aux_logits_bn_eval_dropout0: _, ...rows } = native as typeof native & Record<string, unknown>;
  const renamed = {
    ...golden,
    model: "timm.inception_v3",
    state_dict: golden.state_dict.filter(([key]) => !key.startsWith("AuxLogits.")),
    cases: { native: { ...rows, stages } },
  };
  const { kind, cases } = await verifyGoldenText(JSON.stringify(renamed), "x.json", {
    createSession: (model, name) => createNodeSession(model, { name }),
    createTrainer: () => Promise.reject(new RangeError("Cannot train here")),
    sha256: sha256Hex,
  });
  expect(kind).toBe("network");
  expect(cases.map(({ name, pass }) => [name, pass])).toEqual([["native", true]]);
  const names = cases[0]?.checks.map(({ name }) => name);
  expect(names).toEqual(expect.arrayContaining(["Pool1", "global_pool", "Mixed_7c", "logits_1000", "logits_10"]));
});
