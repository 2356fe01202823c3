import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeMetricsLines, encodeMetricsLine, lineEvent, linesUpTo, type MetricsLine, metricsEvents } from "./metrics-log.js";

const line = (kind: "step" | "epoch", epoch: number, step: number, values = {}): MetricsLine => ({ kind, epoch, step, time: 5.5, values });

test("a line is one JSON object, with strings for numbers that JSON lacks", () => {
  expect(encodeMetricsLine(line("step", 1, 10, { loss: Number.NaN, learningRate: 0.1 }))).toBe(
    '{"epoch":1,"kind":"step","learningRate":0.1,"loss":"NaN","step":10,"time":5.5}\n',
  );
  expect(() => encodeMetricsLine(line("step", 1, 10, { step: 3 }))).toThrowError(
    expect.objectContaining({ code: "OPTION_INVALID", message: 'Cannot write a metric "step": the name is reserved' }),
  );
});

test("any lines come back, without the half line that a killed run leaves", () => {
  const lines = fc.array(
    fc.record({
      kind: fc.constantFrom("step" as const, "epoch" as const),
      epoch: fc.integer({ min: 1, max: 1000 }),
      step: fc.maxSafeNat(),
      time: fc.double({ noNaN: true, noDefaultInfinity: true }),
      values: fc.dictionary(
        fc.string({ unit: "grapheme" }).map((name) => `v${name}`),
        fc.double(),
        { noNullPrototype: true },
      ),
    }),
    { maxLength: 5 },
  );
  fc.assert(
    fc.property(lines, fc.nat(), (written, cut) => {
      const text = written.map(encodeMetricsLine).join("");
      expect(decodeMetricsLines(text, "x")).toEqual(written);
      const half = text.slice(0, cut % (text.length + 1));
      expect(decodeMetricsLines(half, "x")).toEqual(written.slice(0, half.split("\n").length - 1));
    }),
  );
});

test.each([
  ["[]", "it is not a JSON object"],
  ["{}", 'kind is neither "step" nor "epoch"'],
  ['{"kind":"step","epoch":0,"step":0,"time":0}', "epoch is not an integer of at least 1"],
  ['{"kind":"step","epoch":1,"step":-1,"time":0}', "step is not an integer of at least 0"],
  ['{"kind":"step","epoch":1,"step":1,"time":"NaN"}', "time is not a number"],
  ['{"kind":"step","epoch":1,"step":1,"time":1,"a":"b"}', 'value "a" is not a number'],
])("refuses %s", (text, fact) => {
  const good = encodeMetricsLine(line("step", 1, 1));
  expect(() => decodeMetricsLines(`${good}${text}\n`, 'metrics.jsonl of run "x"')).toThrowError(
    expect.objectContaining({ code: "FILE_CORRUPT", message: `Cannot read line 2 of metrics.jsonl of run "x": ${fact}` }),
  );
});

test("names the line that is no JSON", () => {
  expect(() => decodeMetricsLines("{}}\n", 'metrics.jsonl of run "x"')).toThrowError(
    'Cannot read line 1 of metrics.jsonl of run "x" as JSON: expected the end of the text at character 2',
  );
});

describe("what is kept when a run is resumed", () => {
  const lines = [
    line("step", 1, 5),
    line("step", 1, 10),
    line("epoch", 1, 10),
    line("step", 2, 15),
    line("step", 2, 20),
    line("epoch", 2, 20),
  ];
  const kept = (epoch: number, batch: number, step: number): readonly string[] =>
    linesUpTo(lines, { epoch, batch, step }).map(({ kind, step }) => `${kind} ${step}`);

  test("in the middle of an epoch", () => {
    expect(kept(1, 7, 17)).toEqual(["step 5", "step 10", "epoch 10", "step 15"]);
  });

  test("at the end of an epoch, before and after it was measured", () => {
    expect(kept(1, 10, 20)).toEqual(["step 5", "step 10", "epoch 10", "step 15", "step 20"]);
    expect(kept(2, 0, 20)).toHaveLength(6);
    expect(kept(0, 0, 0)).toEqual([]);
  });
});

test("as events: the version, then one record a line", () => {
  const lines = [line("step", 1, 5, { loss: 1 }), line("epoch", 1, 5, { top1: 0.5 })];
  const events = metricsEvents(lines, 5);
  expect(events).toHaveLength(3);
  expect(events.slice(1)).toEqual(lines.map(lineEvent));
  expect(Buffer.from(events[1]!).includes("step/loss")).toBe(true);
  expect(Buffer.from(events[2]!).includes("epoch/top1")).toBe(true);
});
