import { describe, expect, test } from "vitest";
import { checkEarlyStopping } from "./early-stopping.js";
import { bestEpoch, type EpochRow, epochRowJson, epochsToKeep, isBetter, readEpochRow } from "./history.js";
import { decodeJson, encodeJson, isJsonRecord, type JsonRecord } from "./json.js";

function rows(...values: readonly (number | null)[]): readonly EpochRow[] {
  return values.map((value, index) => ({
    epoch: index + 1,
    step: 10 * (index + 1),
    learningRate: 0.1,
    trainLoss: 1,
    trainTop1: null,
    loss: value,
    top1: value,
    top5: 1,
  }));
}

describe("what is better", () => {
  test("higher accuracy, lower loss, any number rather than none or NaN", () => {
    expect(isBetter("top1", 0.5, 0.4)).toBe(true);
    expect(isBetter("loss", 0.5, 0.4)).toBe(false);
    expect(isBetter("loss", 0.4, 0.4)).toBe(false);
    expect(isBetter("loss", Number.POSITIVE_INFINITY, Number.NaN)).toBe(true);
    expect(isBetter("loss", Number.NaN, null)).toBe(false);
    expect(isBetter("top1", 0, null)).toBe(true);
    expect(isBetter("loss", 0.35, 0.4, 0.1)).toBe(false);
  });

  test("the earliest of equal epochs is the best", () => {
    expect(bestEpoch(rows(null, 0.5, Number.NaN, 0.7, 0.7, 0.6), "top1")?.epoch).toBe(4);
    expect(bestEpoch(rows(null, Number.NaN), "top1")).toBe(null);
    expect(bestEpoch([], "loss")).toBe(null);
  });
});

describe("which checkpoints are kept", () => {
  test("the best, earlier ones among equals", () => {
    const history = rows(0.9, 0.2, 0.4, 0.2, 0.3);
    expect(epochsToKeep(history, "loss", 2)).toEqual([2, 4]);
    expect(epochsToKeep(history, "top1", 2)).toEqual([1, 3]);
    expect(epochsToKeep(history, "loss", 1)).toEqual([2]);
    expect(epochsToKeep(history, "loss", 0)).toEqual([]);
    expect(epochsToKeep(history, "loss", 99)).toEqual([1, 2, 3, 4, 5]);
  });

  test("the last, where nothing is measured", () => {
    expect(epochsToKeep(rows(null, null, null), "top1", 2)).toEqual([2, 3]);
    expect(epochsToKeep(rows(null, 0.1, Number.NaN, null), "top1", 2)).toEqual([2, 4]);
  });
});

describe("early stopping", () => {
  const rule = { metric: "loss", patience: 2 } as const;

  test("stops after `patience` epochs in a row without improvement", () => {
    expect(checkEarlyStopping(rule, [])).toEqual({ stop: false, waited: 0, reference: null });
    const history = rows(1, 0.8, 0.9, 0.7, 0.7, 0.71);
    expect(history.map((_, count) => checkEarlyStopping(rule, history.slice(0, count + 1)).waited)).toEqual([0, 0, 1, 0, 1, 2]);
    expect(checkEarlyStopping(rule, history)).toMatchObject({ stop: true, reference: { epoch: 4 } });
    expect(checkEarlyStopping(rule, history.slice(0, 5)).stop).toBe(false);
  });

  test("a creep of less than minDelta is no improvement, and NaN neither", () => {
    const creeping = { ...rule, minDelta: 0.1 };
    expect(checkEarlyStopping(creeping, rows(1, 0.95, 0.92))).toMatchObject({ stop: true, reference: { epoch: 1 } });
    expect(checkEarlyStopping(creeping, rows(1, 0.95, 0.85)).stop).toBe(false);
    expect(checkEarlyStopping(rule, rows(1, Number.NaN, Number.NaN)).stop).toBe(true);
  });
});

describe("an epoch as JSON", () => {
  const row: EpochRow = { ...rows(0.5)[0]!, trainLoss: Number.NaN };
  const json = (): JsonRecord => {
    const value = decodeJson(encodeJson(epochRowJson(row)), "a row");
    return isJsonRecord(value) ? value : {};
  };

  test("comes back the same, NaN included", () => {
    expect(readEpochRow(json())).toEqual(row);
  });

  test.each(["epoch", "step", "learningRate", "trainLoss", "trainTop1", "loss", "top1", "top5"] as const)(
    "without %s is refused",
    (key) => {
      expect(readEpochRow({ ...json(), [key]: "x" })).toBe(key);
      expect(readEpochRow(Object.fromEntries(Object.entries(json()).filter(([name]) => name !== key)))).toBe(key);
    },
  );

  test("counts must be whole", () => {
    expect(readEpochRow({ ...json(), epoch: 0 })).toBe("epoch");
    expect(readEpochRow({ ...json(), step: 1.5 })).toBe("step");
  });
});
