import { expect, test } from "vitest";
import { resolveSegmentationSettings, SEGMENTATION_SETTINGS } from "./segmentation-settings.js";
import { runSchedule, settingsJson } from "./settings.js";

test("what a command line and a config.json say comes to the same", () => {
  const given = {
    data: "d",
    patchSize: "40x56x40",
    spacing: "1,1,1.5",
    fold: "none",
    batchSize: "2",
    augmentation: '{"noiseDeviation":0.1}',
  };
  const settings = resolveSegmentationSettings(given);
  expect(settings).toMatchObject({ patchSize: [40, 56, 40], spacing: [1, 1, 1.5], fold: null, batchSize: 2, folds: 5 });
  expect(resolveSegmentationSettings(JSON.parse(JSON.stringify(settingsJson(settings))) as Record<string, unknown>)).toEqual(settings);
  expect(runSchedule(settings).rate(0)).toBeGreaterThan(0);
});

test.each([
  [{ fold: 5 }, "Cannot set option fold of a run to 5: expected an integer from 0 to 4, or none"],
  [{ patchSize: "40,56" }, 'Cannot set option patchSize of a run to "40,56": expected three integers such as 40x56x40, or planned'],
  [{ spacing: [1, 1, 0] }, "Cannot set option spacing of a run to [1,1,0]: expected three numbers such as 1x1x1.5, or planned"],
  [{ mixup: 1 }, `Cannot set option "mixup" of a run: expected one of ${Object.keys(SEGMENTATION_SETTINGS).join(", ")}`],
  [{ data: undefined }, "Cannot set option data of a run: no value given; expected text"],
])("%j is refused", (given, message) => {
  expect(() => resolveSegmentationSettings({ data: "d", ...given })).toThrow(expect.objectContaining({ code: "OPTION_INVALID", message }));
});
