import { describe, expect, test } from "vitest";
import type { TrainedRun } from "../node/training/training-run.js";
import type { EpochRow } from "../train/history.js";
import { outcomeOf, type RunFormat } from "./run-training.js";

const FORMAT: RunFormat = {
  command: "train",
  scores: ({ top1 }) => ({ top1 }),
  formatScores: ({ top1 }) => `top-1 ${top1}`,
  next: (run) => `inception classify photo.jpg --model ${run}`,
};

function row(epoch: number, top1: number): EpochRow {
  return { epoch, step: 25 * epoch, learningRate: 0.1, trainLoss: 1, trainTop1: null, loss: 1, top1, top5: 1 };
}

const HISTORY = [row(1, 0.5), row(2, 0.75), row(3, 0.5), row(4, 0.75)];
const RUN: TrainedRun = {
  run: "runs/my flowers",
  end: "finished",
  epochs: 4,
  steps: 1234,
  best: HISTORY[1] ?? null,
  final: HISTORY[3] ?? null,
  history: HISTORY,
  metric: "top1",
  secondsPerStep: 1.1234,
  report: "runs/my flowers/report.html",
};

function linesOf(run: TrainedRun): readonly string[] {
  return outcomeOf(run, FORMAT).text.split("\n");
}

describe("the summary of a run", () => {
  test("names the best and the last epoch and the next command", () => {
    expect(outcomeOf(RUN, FORMAT).interrupted).toBeNull();
    expect(linesOf(RUN)).toEqual([
      "finished: 4 epochs, 1,234 steps, 1.12 s/step",
      "best    epoch 2   top-1 0.75",
      "last    epoch 4   top-1 0.75",
      "run     runs/my flowers",
      "report  runs/my flowers/report.html",
      "next    inception classify photo.jpg --model 'runs/my flowers'",
      "",
    ]);
  });

  test("says for how long the selection metric of a run that was stopped early has not improved", () => {
    expect(linesOf({ ...RUN, end: "stopped early" }).slice(0, 2)).toEqual([
      "stopped early: top-1 has not improved for 2 epochs (best: epoch 2)",
      "finished: 4 epochs, 1,234 steps, 1.12 s/step",
    ]);
    const [line] = linesOf({ ...RUN, end: "stopped early", metric: "loss", best: HISTORY[0] ?? null, history: HISTORY.slice(0, 2) });
    expect(line).toBe("stopped early: validation loss has not improved for 1 epoch (best: epoch 1)");
  });

  test("of an interrupted run the next command resumes it", () => {
    const interrupted = outcomeOf({ ...RUN, end: "interrupted", secondsPerStep: null }, FORMAT);
    expect(interrupted.interrupted).toBe("interrupted after step 1,234; resume with: inception train --resume 'runs/my flowers'");
    expect(interrupted.text).toMatch(/^interrupted: 4 epochs, 1,234 steps\nbest /);
    expect(interrupted.text).not.toContain("next");
  });
});
