import { expect, test } from "vitest";
import { currentSettings } from "./former-settings.js";
import { resolveSegmentationSettings } from "./segmentation-settings.js";
import { resolveSettings } from "./settings.js";

test("the settings of older runs are read under their current names", () => {
  const stored = {
    data: "photos",
    val: "other",
    batch: 4,
    keep: 2,
    factors: "fc.*=10",
    averageDecay: 0.5,
    decayOn: "all",
    freeze: "last:3",
    recompute: true,
    epochs: 3,
  };
  const current = {
    data: "photos",
    valData: "other",
    batchSize: 4,
    keepCheckpoints: 2,
    learningRateMultipliers: "fc.*=10",
    emaDecay: 0.5,
    weightDecayOn: "all",
    freeze: "except-last:3",
    checkpointActivations: true,
    epochs: 3,
  };
  expect(currentSettings(stored)).toEqual(current);
  expect(currentSettings(current)).toEqual(current);
  expect(resolveSettings(currentSettings(stored))).toEqual(resolveSettings(current));
  expect(currentSettings({ freeze: "head" })).toEqual({ freeze: "backbone" });
  expect(currentSettings({ freeze: "conv1.*,last:3" })).toEqual({ freeze: "conv1.*,last:3" });
});

test("so are those of runs that segment", () => {
  const stored = { data: "d", foregroundShare: 0.5, augmentation: "usual", batch: null, averageDecay: null };
  const settings = resolveSegmentationSettings(currentSettings(stored));
  expect(settings).toMatchObject({ foregroundFraction: 0.5, augmentation: "default", batchSize: null, emaDecay: null });
});
