import { describe, expect, test } from "vitest";
import type { RunEvent } from "../../tasks/training/run-events.js";
import { type ProgressReport, progressReport } from "./progress-report.js";

const BEGINNING: RunEvent = {
  kind: "start",
  model: "googlenet.public",
  parameters: 1234,
  classes: 3,
  samples: "images",
  trainImages: 40,
  valImages: 10,
  epochs: 2,
  batchesPerEpoch: 5,
  stepsPerEpoch: 5,
  position: { epoch: 0, batch: 0, step: 0 },
  randomlyInitialized: ["fc.weight", "fc.bias"],
};

function step(number: number): RunEvent {
  const position = { epoch: 0, batch: number, step: number };
  return { kind: "step", position, loss: 0.5, top1: 0.75, learningRate: 0.01, images: 8, gradientNorm: null };
}

function skipped(name: string): RunEvent {
  return { kind: "skipped", sample: { index: 0, name, reason: `Cannot decode image "${name}": it is empty` } };
}

function written(interactive: boolean, tell: (report: ProgressReport) => void, columns = 200): string {
  let text = "";
  const report = progressReport({ write: (piece) => (text += piece), interactive, columns });
  tell(report);
  return text;
}

function events(...list: readonly RunEvent[]): (report: ProgressReport) => void {
  return ({ onEvent }) => list.forEach(onEvent);
}

const ROW = { epoch: 1, step: 5, learningRate: 0.01, trainLoss: 0.5, trainTop1: 0.75, loss: 0.4, top1: 0.9, top5: 1 };
const EPOCH: RunEvent = { kind: "epoch", row: ROW, evaluation: null, isBest: true };

describe("without a terminal", () => {
  test("the run and each epoch are a line, and nothing else is written", () => {
    const text = written(
      false,
      events({ kind: "preparing", what: "programs" }, BEGINNING, step(1), step(5), { kind: "evaluating", done: 8, total: 10 }, EPOCH),
    );
    expect(text.split("\n")).toEqual([
      "googlenet.public: 1,234 parameters | 40 training and 10 validation images, 3 classes | 5 steps per epoch",
      "randomly initialized (not in the weights, or of another shape there): fc.weight, fc.bias",
      "epoch 1/2  train: loss 0.5000  top-1 75.0%  |  val: loss 0.4000  top-1 90.0%  top-5 100.0%  |  0:00:00  * best",
      "",
    ]);
  });

  test("weights without a classifier are a warning with the parameters and the tensors that are not used", () => {
    const foreign = ["dense_1/kernel", "dense_1/bias", "dense_2/kernel", "dense_2/bias", "dense\u001b[2J/kernel"];
    const begun = ["fc.weight", "fc.bias", "aux.weight"];
    const text = written(
      false,
      events({ ...BEGINNING, randomlyInitialized: begun, classifier: { missing: ["fc.weight", "fc.bias"], foreign } }),
    );
    expect(text.split("\n").slice(1)).toEqual([
      "warning: randomly initialized, because the weights lack a classifier for this network: fc.weight, fc.bias",
      'warning: unused tensors of another classifier in the weights: "dense_1/kernel", "dense_1/bias", "dense_2/kernel", "dense_2/bias" and 1 more',
      "randomly initialized (not in the weights, or of another shape there): aux.weight",
      "",
    ]);
  });

  test("a resumed run says where it goes on", () => {
    const text = written(false, events({ ...BEGINNING, randomlyInitialized: [], position: { epoch: 1, batch: 2, step: 7 } }));
    expect(text).toContain("\nresuming after step 7 (epoch 2, batch 2 of 5)\n");
  });

  test("five images that cannot be read are named, each once, and all are counted", () => {
    let count = 0;
    const text = written(false, (report) => {
      for (const index of [0, 1, 2, 3, 4, 5, 6, 0, 1]) report.onEvent(skipped(`${index}.png`));
      count = report.skipped();
    });
    expect(count).toBe(7);
    expect(text.match(/^skipped: .*$/gm)).toEqual([
      ...[0, 1, 2, 3, 4].map((index) => `skipped: Cannot decode image "${index}.png": it is empty`),
      "skipped: further samples are counted, not listed",
    ]);
  });
});

describe("on a terminal", () => {
  test("one line is rewritten, and lines that stay take its place", () => {
    const text = written(true, events(BEGINNING, step(1), step(5), EPOCH));
    const [, , live = ""] = text.split("\n");
    const [, ...writes] = live.split("\r\u001b[K");
    // The last step of an epoch is shown whenever it comes.
    expect(writes.at(-2)).toMatch(
      /^epoch 1\/2 {2}batch 5\/5 {2}loss 0\.5000 {2}top-1 {2}75\.0% {2}lr 0\.0100 {2}[\d.]+ img\/s {2}ETA 0:00:00$/,
    );
    expect(writes.at(-1)).toMatch(/^epoch 1\/2 {2}train: loss /);
  });

  test("a line that is longer than the terminal is cut", () => {
    const text = written(true, events({ kind: "preparing", what: "network" }), 20);
    expect(text).toBe("\r\u001b[Kbuilding the networ");
  });

  test("close leaves an empty line", () => {
    const text = written(true, (report) => {
      report.onEvent({ kind: "preparing", what: "programs" });
      report.close();
      report.close();
    });
    expect(text).toBe("\r\u001b[Kcompiling the training step\r\u001b[K");
  });
});
