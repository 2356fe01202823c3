import { expect, test } from "vitest";
import { describeModel } from "../models/index.js";
import { resolveSettings } from "./settings.js";
import { trainingPhases, unfreezePhases } from "./unfreeze.js";

const graph = describeModel("googlenet.public", { widthMultiplier: 0.125, numClasses: 10 });

test("epochs count from 1 in the text", () => {
  expect(unfreezePhases("3=except-last:3, 6=none")).toEqual([
    { start: 2, freeze: "except-last:3" },
    { start: 5, freeze: "none" },
  ]);
  expect(unfreezePhases("none")).toEqual([]);
});

test.each(["1=none", "3=none,3=none", "4=backbone,2=none", "backbone", "2=conv1.*", "2=", "=none", "2=none;", ""])(
  "%s is no schedule",
  (text) => {
    expect(unfreezePhases(text)).toBeNull();
    expect(() => resolveSettings({ data: "x", unfreeze: text })).toThrowError(
      expect.objectContaining({
        code: "OPTION_INVALID",
        message: expect.stringContaining("EPOCH=none, EPOCH=backbone, EPOCH=except-last:K or EPOCH=except-last:P%") as string,
      }),
    );
  },
);

test("phases follow each other without a gap", () => {
  expect(trainingPhases(graph, "backbone", "3=except-last:3,6=none")).toEqual([
    { start: 0, end: 2, freeze: "backbone" },
    { start: 2, end: 5, freeze: "except-last:3" },
    { start: 5, end: Number.POSITIVE_INFINITY, freeze: "none" },
  ]);
  expect(trainingPhases(graph, "none", "none")).toEqual([{ start: 0, end: Number.POSITIVE_INFINITY, freeze: "none" }]);
});

test("a schedule for more stages than the network has frees all of its twelve", () => {
  expect(trainingPhases(graph, "backbone", "2=except-last:3,3=except-last:99")[2]?.freeze).toBe("except-last:12");
});

test("a phase that freezes what was trained is refused", () => {
  expect(() => trainingPhases(graph, "except-last:2", "2=except-last:1")).toThrowError(
    expect.objectContaining({
      code: "OPTION_INVALID",
      message:
        'Cannot freeze "except-last:1" of "googlenet.public" from epoch 2 on: "inception5a.branch1.conv.weight" was trained before, expected each phase to train at least what the one before does',
    }),
  );
});
