import { describe, expect, test } from "vitest";
import { RECIPES } from "./recipes.js";
import { resolveSettings, runSchedule, SETTINGS, settingsJson } from "./settings.js";

describe("settings", () => {
  test("a recipe's values, but for what is given", () => {
    const settings = resolveSettings({ data: "shapes10", recipe: "slim", epochs: "3", clipNorm: "2.5" });
    expect(settings).toMatchObject({ epochs: 3, clipNorm: 2.5, learningRate: 0.01, batchNormDecay: 0.9997, recipe: "slim", seed: 1 });
    expect(settings.optimizer).toEqual(RECIPES.slim.optimizer);
  });

  test("without a recipe: finetune with weights, scratch without", () => {
    expect(resolveSettings({ data: "d" }).recipe).toBe("scratch");
    expect(resolveSettings({ data: "d", weights: "w.safetensors" }).recipe).toBe("finetune");
  });

  test("every recipe has an acceptable value for each of its settings", () => {
    for (const recipe of Object.keys(RECIPES)) expect(() => runSchedule(resolveSettings({ data: "d", recipe })), recipe).not.toThrow();
  });

  test("what config.json holds reads back to the same settings", () => {
    const settings = resolveSettings({
      data: "d",
      recipe: "paper",
      optimizer: "adamw:weightDecay=0.05",
      augmentation: "none",
      clipNorm: "none",
    });
    expect(resolveSettings(JSON.parse(JSON.stringify(settingsJson(settings))) as Record<string, unknown>)).toEqual(settings);
    expect(settings.clipNorm).toBeNull();
    expect(settings.optimizer).toEqual({ name: "adamw", weightDecay: 0.05 });
  });

  test("an average decay of 0 means no averages", () => {
    expect(resolveSettings({ data: "d", recipe: "paper" }).emaDecay).toBe(0.999);
    for (const emaDecay of ["0", 0, "none", null]) expect(resolveSettings({ data: "d", recipe: "paper", emaDecay }).emaDecay).toBeNull();
  });

  test("a cosine without a length ends with the last epoch", () => {
    const schedule = runSchedule(resolveSettings({ data: "d", epochs: 4, learningRate: 1, schedule: "cosine:unit=epoch" }));
    expect([0, 2, 4].map((time) => schedule.rate(time))).toEqual([1, 0.5, 0]);
  });

  test.each([
    [{ data: "d", epochs: "many" }, `Cannot set option epochs of a run to "many": expected ${SETTINGS.epochs.expected}`],
    [{ data: "d", batchSize: 2.5 }, "Cannot set option batchSize of a run to 2.5: expected an integer from 1 to 4,096"],
    [{}, "Cannot set option data of a run: no value given; expected text"],
    [{ data: "d", recipe: "best" }, `Cannot set option recipe of a run to "best": expected ${SETTINGS.recipe.expected}`],
    [
      { data: "d", optimizer: "sgd:momentum" },
      `Cannot set option optimizer of a run to "sgd:momentum": expected ${SETTINGS.optimizer.expected}`,
    ],
    [{ data: "d", lr: 0.1 }, `Cannot set option "lr" of a run: expected one of ${Object.keys(SETTINGS).join(", ")}`],
    [{ data: "d", emaDecay: 1 }, "Cannot set option emaDecay of a run to 1: expected a number in [0, 1), or none"],
    [{ data: "d", clipNorm: 0 }, `Cannot set option clipNorm of a run to 0: expected ${SETTINGS.clipNorm.expected}`],
  ])("refuses %j", (given, message) => {
    expect(() => resolveSettings(given)).toThrow(expect.objectContaining({ code: "OPTION_INVALID", message }));
  });
});
