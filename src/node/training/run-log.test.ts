import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { PREPROCESSING } from "../../data/index.js";
import { NO_EARLIER_LOG } from "../../tasks/training/checkpoint-state.js";
import type { Evaluation } from "../../train/metrics.js";
import { linesUpTo } from "../../train/metrics-log.js";
import { openRun, readRunMetrics } from "../open-run.js";
import { createRun, type RunWriter } from "../run-folder.js";
import { type RunLog, runLog } from "./run-log.js";

const STEPS = 240;
let parent = "";
beforeEach(async () => {
  parent = await mkdtemp(path.join(tmpdir(), "inception-log-"));
});
afterEach(() => rm(parent, { recursive: true, force: true }));

function createIn(name: string): Promise<RunWriter> {
  const config = { model: "googlenet", options: {}, graphHash: "ab12", settings: {} };
  return createRun(path.join(parent, name), { config, labels: ["a"], recipe: { preprocessing: PREPROCESSING.facenet } }, 0);
}

function takeSteps(log: RunLog<Evaluation>, from: number, to: number): void {
  for (let step = from; step <= to; step++) {
    const position = { epoch: 0, batch: step, step };
    log.report({ kind: "step", position, loss: 1 / step, top1: null, learningRate: 0.1 / step, images: 1, gradientNorm: null });
  }
}

/** Lines without what a clock gave. */
async function linesOf(run: string) {
  const lines = await readRunMetrics(await openRun(path.join(parent, run)));
  return lines.map(({ time, values: { secondsPerStep, ...values }, ...line }) => ({
    ...line,
    values,
    timed: secondsPerStep !== undefined,
  }));
}

test("a run that goes on between two lines writes the lines, and keeps the curve, of one that was not stopped", async () => {
  const open = (writer: RunWriter, earlier = NO_EARLIER_LOG) => runLog(writer, { accumulate: 1 }, STEPS, () => {}, earlier);
  const writer = await createIn("whole");
  const whole = open(writer);
  takeSteps(whole, 1, STEPS);
  await whole.flush();
  await writer.close();

  const first = await createIn("stopped");
  const stopped = open(first);
  // A line every fourth step: the checkpoint is of step 102, the process is killed after 105.
  takeSteps(stopped, 1, 102);
  const unlogged = stopped.unlogged();
  expect(unlogged).toEqual({ loss: 1 / 101 + 1 / 102, steps: 2 });
  takeSteps(stopped, 103, 105);
  await stopped.flush();
  const lines = linesUpTo(await readRunMetrics(await openRun(first.folder)), { epoch: 0, batch: 102, step: 102 });
  expect(lines.at(-1)?.step).toBe(100);
  await first.close();

  const second = await createIn("resumed");
  const resumed = open(second, { lines, unlogged });
  expect(resumed.secondsPerStep()).toBeNull();
  expect(resumed.secondsPerStepOfRun()).toBeGreaterThan(0);
  takeSteps(resumed, 103, STEPS);
  await resumed.flush();
  await second.close();
  expect(resumed.steps()).toEqual(whole.steps());
  expect(whole.steps()).toHaveLength(60);
  expect([...(await linesOf("stopped")).slice(0, 25), ...(await linesOf("resumed"))]).toEqual(await linesOf("whole"));
  expect(await readFile(path.join(parent, "resumed/metrics.jsonl"), "utf8")).toContain('"secondsPerStep":');
});
