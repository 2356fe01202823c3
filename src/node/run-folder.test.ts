import { spawn, spawnSync } from "node:child_process";
import { appendFile, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { expectFailure } from "../../test/failures.js";
import { PREPROCESSING } from "../data/index.js";
import type { Checkpoint } from "../train/checkpoint.js";
import type { EpochRow } from "../train/history.js";
import { metricsEvents } from "../train/metrics-log.js";
import { checkpointFile, epochFile, epochOfFile, openRun, readRunCheckpoint, readRunMetrics } from "./open-run.js";
import { createRun, type RunContents, type RunWriter, resumeRun } from "./run-folder.js";

let parent = "";
let folder = "";
const writers: RunWriter[] = [];
beforeEach(async () => {
  parent = await mkdtemp(path.join(tmpdir(), "inception-run-"));
  folder = path.join(parent, "run");
});
afterEach(async () => {
  for (const writer of writers.splice(0)) await writer.close();
  await rm(parent, { recursive: true, force: true });
});

const CONTENTS: RunContents = {
  config: { model: "googlenet", options: { numClasses: 2 }, graphHash: "ab12", settings: { recipe: "finetune", seed: 7 } },
  labels: ["daisy", "rose <b>"],
  recipe: { preprocessing: PREPROCESSING.torchvision_googlenet },
};

async function begin(contents = CONTENTS): Promise<RunWriter> {
  const writer = await createRun(folder, contents, 1_700_000_000.9);
  writers.push(writer);
  return writer;
}

const history = (...top1: readonly (number | null)[]): readonly EpochRow[] =>
  top1.map((value, index) => ({
    epoch: index + 1,
    step: 10 * (index + 1),
    learningRate: 0.1,
    trainLoss: 1,
    trainTop1: null,
    loss: value,
    top1: value,
    top5: value,
  }));

function checkpoint(rows: readonly EpochRow[], batch = 0): Checkpoint {
  const position = { epoch: rows.length, batch, step: 10 * rows.length + batch };
  return {
    state: new Map([["fc.bias", { dtype: "float32", shape: [2], data: Float32Array.of(position.step, 1) }]]),
    meta: { model: "googlenet", options: {}, graphHash: "ab12", config: {}, position, seed: 7, history: rows, partial: {} },
  };
}

const files = async (): Promise<readonly string[]> =>
  (await readdir(folder, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)))
    .toSorted();

describe("a run", () => {
  test("has its description, logs and lock from the beginning, and reads back", async () => {
    const writer = await begin();
    expect(await files()).toEqual([
      ".lock",
      "config.json",
      "events/events.out.tfevents.1700000000.inceptionkit",
      "labels.json",
      "metrics.jsonl",
      "preprocessing.json",
    ]);
    const run = await openRun(folder);
    const { recipe, ...described } = CONTENTS;
    expect(run).toMatchObject({ ...described, ...recipe, segmentation: null, plan: null, hasLast: false, hasBest: false, epochs: [] });
    expect(JSON.parse(await readFile(path.join(folder, "config.json"), "utf8"))).toMatchObject({ format: "inceptionkit-run", version: 1 });
    await writer.close();
    await writer.close();
    expect(await files()).not.toContain(".lock");
  });

  test("logs lines and events, and writes its report whole", async () => {
    const writer = await begin();
    const lines = [
      { kind: "step", epoch: 1, step: 5, time: 1.5, values: { loss: 2.5, gradientNorm: Number.NaN } },
      { kind: "epoch", epoch: 1, step: 10, time: 2.5, values: { top1: 0.5 } },
    ] as const;
    for (const line of lines) await writer.log(line);
    expect(await readFile(path.join(folder, "metrics.jsonl"), "utf8")).toBe(
      '{"epoch":1,"gradientNorm":"NaN","kind":"step","loss":2.5,"step":5,"time":1.5}\n{"epoch":1,"kind":"epoch","step":10,"time":2.5,"top1":0.5}\n',
    );
    expect(await readRunMetrics(await openRun(folder))).toEqual(lines);
    const events = await readFile(path.join(folder, "events/events.out.tfevents.1700000000.inceptionkit"));
    expect(events.equals(Buffer.concat(metricsEvents(lines, 1_700_000_000.9)))).toBe(true);
    await writer.writeReport("<!doctype html>");
    expect(await readFile(path.join(folder, "report.html"), "utf8")).toBe("<!doctype html>");
  });

  test("keeps the best epochs, the best and the last", async () => {
    const writer = await begin();
    const values = [0.5, 0.4, 0.8, 0.6];
    const kept: (readonly number[])[] = [];
    for (const [index] of values.entries()) {
      await writer.saveEpoch(checkpoint(history(...values.slice(0, index + 1))), { metric: "top1", count: 2 });
      kept.push((await openRun(folder)).epochs);
    }
    expect(kept).toEqual([[1], [1, 2], [1, 3], [3, 4]]);
    const run = await openRun(folder);
    const epochOf = async (choice: "best" | "last" | number): Promise<number> => (await readRunCheckpoint(run, choice)).meta.position.epoch;
    expect([await epochOf("best"), await epochOf("last"), await epochOf(3)]).toEqual([3, 4, 3]);
    await writer.saveLast(checkpoint(history(...values), 3));
    expect((await readRunCheckpoint(run, "last")).meta.position.step).toBe(43);
    expect((await files()).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  });

  test("keeps `best` when the epoch's own file is deleted later, and shares its bytes until then", async () => {
    const writer = await begin();
    await writer.saveEpoch(checkpoint(history(0.9)), { metric: "loss", count: 1 });
    expect((await stat(path.join(folder, "best.safetensors"))).nlink).toBe(2);
    await writer.saveEpoch(checkpoint(history(0.9, 0.8)), { metric: "loss", count: 0 });
    const run = await openRun(folder);
    expect(run.epochs).toEqual([]);
    expect((await readRunCheckpoint(run, "best")).meta.position.epoch).toBe(2);
  });

  test("without validation the latest epoch is the best", async () => {
    const writer = await begin();
    for (const rows of [history(null), history(null, null)]) await writer.saveEpoch(checkpoint(rows), { metric: "top1", count: 1 });
    const run = await openRun(folder);
    expect(run.epochs).toEqual([2]);
    expect((await readRunCheckpoint(run, "best")).meta.position.epoch).toBe(2);
  });
});

describe("resuming", () => {
  test("goes on from `last`: later lines, half lines and temporary files are gone, lines and events are not doubled", async () => {
    const writer = await begin();
    const line = (kind: "step" | "epoch", epoch: number, step: number) => ({ kind, epoch, step, time: step, values: { loss: step } });
    await writer.log(line("step", 1, 10));
    await writer.log(line("epoch", 1, 10));
    await writer.saveEpoch(checkpoint(history(0.5)), { metric: "top1", count: 1 });
    await writer.log(line("step", 2, 15));
    await writer.saveLast(checkpoint(history(0.5), 7));
    await writer.log(line("step", 2, 20));
    await writer.log(line("epoch", 2, 20));
    await writer.close();
    await appendFile(path.join(folder, "metrics.jsonl"), '{"epoch":3,"ki');
    await writeFile(path.join(folder, "checkpoints/.last.safetensors.0123456789ab.tmp"), "half");

    const resumed = await resumeRun(folder, 1_800_000_000, { expected: { model: "googlenet" } });
    writers.push(resumed.writer);
    expect(resumed.checkpoint?.meta.position).toEqual({ epoch: 1, batch: 7, step: 17 });
    const kept = [line("step", 1, 10), line("epoch", 1, 10), line("step", 2, 15)];
    expect(await readRunMetrics(resumed.run)).toEqual(kept);
    await resumed.writer.log(line("step", 2, 20));
    expect(await readRunMetrics(resumed.run)).toEqual([...kept, line("step", 2, 20)]);
    const events = await readFile(path.join(folder, "events/events.out.tfevents.1800000000.inceptionkit"));
    expect(events.equals(Buffer.concat(metricsEvents([...kept, line("step", 2, 20)], 1_800_000_000)))).toBe(true);
    expect(await files()).toEqual([
      ".lock",
      "best.safetensors",
      "checkpoints/epoch-001.safetensors",
      "checkpoints/last.safetensors",
      "config.json",
      "events/events.out.tfevents.1800000000.inceptionkit",
      "labels.json",
      "metrics.jsonl",
      "preprocessing.json",
    ]);
  });

  test("a run that ended before its first checkpoint begins again", async () => {
    const writer = await begin();
    await writer.log({ kind: "step", epoch: 1, step: 1, time: 1, values: {} });
    await writer.close();
    const resumed = await resumeRun(folder, 1_700_000_000);
    writers.push(resumed.writer);
    expect(resumed.checkpoint).toBe(null);
    expect(await readRunMetrics(resumed.run)).toEqual([]);
  });

  test("a checkpoint of something else is refused, and the lock is let go", async () => {
    const writer = await begin();
    await writer.saveLast(checkpoint(history(0.5)));
    await writer.close();
    await expectFailure(
      resumeRun(folder, 0, { expected: { model: "inception_v4" } }),
      "CHECKPOINT_INVALID",
      `Cannot use checkpoint "${folder}/checkpoints/last.safetensors": it belongs to model "googlenet", expected "inception_v4"`,
    );
    expect(await files()).not.toContain(".lock");
  });
});

describe("two processes", () => {
  const lockOf = (owner: object): Promise<void> => writeFile(path.join(folder, ".lock"), JSON.stringify(owner));
  const busy = (who: string): string =>
    `Cannot write to run "${folder}": ${who} is writing to it; if that process has ended, delete "${folder}/.lock"`;

  test("never write one folder, nor does one process twice", async () => {
    const writer = await begin();
    await expectFailure(resumeRun(folder, 0), "RUN_INVALID", busy(`process ${process.pid} on ${hostname()}`));
    const child = spawn(process.execPath, ["-e", "setTimeout(() => {}, 60000)"]);
    try {
      await writer.close();
      await lockOf({ pid: child.pid, host: hostname(), began: 5 });
      await expectFailure(resumeRun(folder, 0), "RUN_INVALID", busy(`process ${child.pid} on ${hostname()}`));
    } finally {
      child.kill();
    }
  });

  test.each([
    ["of another machine", { pid: 1, host: "elsewhere", began: 5 }, "process 1 on elsewhere"],
    ["that cannot be read", { pid: -1 }, "an unknown process"],
  ])("a lock %s is respected", async (_, owner, who) => {
    await (await begin()).close();
    await lockOf(owner);
    await expectFailure(resumeRun(folder, 0), "RUN_INVALID", busy(who));
  });

  test("a lock of a process that is gone is taken over", async () => {
    const writer = await begin();
    await writer.close();
    const { pid } = spawnSync(process.execPath, ["-e", ""]);
    for (const owner of [
      { pid, host: hostname(), began: 5 },
      // A process that was given our number in an earlier container.
      { pid: process.pid, host: hostname(), began: 5 },
    ]) {
      await lockOf(owner);
      const resumed = await resumeRun(folder, 0);
      expect(JSON.parse(await readFile(path.join(folder, ".lock"), "utf8"))).toMatchObject({ pid: process.pid });
      await resumed.writer.close();
    }
    expect((await files()).filter((name) => name.includes("lock"))).toEqual([]);
  });

  test.each([
    ["empty, as a full disk leaves it", ""],
    ["cut off", '{"pid":12,"ho'],
  ])("a lock that is %s is taken over", async (_, text) => {
    await (await begin()).close();
    await writeFile(path.join(folder, ".lock"), text);
    await (await resumeRun(folder, 0)).writer.close();
    expect((await files()).filter((name) => name.includes("lock"))).toEqual([]);
  });

  test("of several that find a stale lock at once, one goes on", async () => {
    await (await begin()).close();
    const { pid } = spawnSync(process.execPath, ["-e", ""]);
    await lockOf({ pid, host: hostname(), began: 5 });
    const results = await Promise.allSettled([1, 2, 3, 4].map((time) => resumeRun(folder, time)));
    const winners = results.flatMap((result) => (result.status === "fulfilled" ? [result.value.writer] : []));
    writers.push(...winners);
    expect(winners).toHaveLength(1);
    for (const result of results) if (result.status === "rejected") expect(result.reason).toMatchObject({ code: "RUN_INVALID" });
  });
});

describe("a new run refuses", () => {
  test("a folder that holds a run", async () => {
    await (await begin()).close();
    await expectFailure(
      begin(),
      "RUN_INVALID",
      `Cannot train into "${folder}": it already contains a run; resume it or pass another directory`,
    );
    await expect(openRun(folder)).resolves.toBeDefined();
  });

  test("a folder that holds something else, and leaves it alone", async () => {
    await mkdir(folder);
    for (const name of ["a.jpg", "b.jpg", "c.jpg", "d.jpg"]) await writeFile(path.join(folder, name), "");
    await expectFailure(
      begin(),
      "RUN_INVALID",
      `Cannot train into "${folder}": the directory is not empty (a.jpg, b.jpg, c.jpg and 1 more); pass an empty directory`,
    );
    expect(await files()).toEqual(["a.jpg", "b.jpg", "c.jpg", "d.jpg"]);
  });

  test("a file", async () => {
    await writeFile(folder, "");
    await expectFailure(begin(), "RUN_INVALID", `Cannot use "${folder}" as a run directory: it is a file, not a directory`);
  });

  test("but takes an empty folder", async () => {
    await mkdir(folder);
    await expect(begin()).resolves.toBeDefined();
  });
});

describe("what is no run", () => {
  const cannot = (fact: string): string => `Cannot open run "${folder}": ${fact}`;

  test("nothing, a file, an empty folder", async () => {
    await expectFailure(openRun(folder), "RUN_INVALID", cannot("no such file or directory"));
    await writeFile(folder, "");
    await expectFailure(openRun(folder), "RUN_INVALID", cannot("it is a file, not a directory"));
    await rm(folder);
    await mkdir(folder);
    const missing = cannot(
      "it has no config.json, no labels.json, no preprocessing.json; a run directory contains config.json, labels.json, preprocessing.json, metrics.jsonl and checkpoints/",
    );
    await expectFailure(openRun(folder), "RUN_INVALID", missing);
    await expectFailure(resumeRun(folder, 0), "RUN_INVALID", missing);
    expect(await files()).toEqual([]);
  });

  test.each([
    ["config.json", "{}", "RUN_INVALID", 'format of config.json is missing, expected "inceptionkit-run"'],
    ["config.json", '{"format":"inceptionkit-run","version":2}', "RUN_INVALID", "version of config.json is not 1"],
    ["config.json", '{"format":"inceptionkit-run","version":1,"model":3}', "RUN_INVALID", "model of config.json is not a string"],
    ["labels.json", '["a",1]', "RUN_INVALID", "labels.json is not a list of strings"],
  ])("%s with %s", async (name, text, code, fact) => {
    await (await begin()).close();
    await writeFile(path.join(folder, name), text);
    await expectFailure(openRun(folder), code, cannot(fact));
  });

  test("files that are no JSON or claim to be huge", async () => {
    await (await begin()).close();
    await writeFile(path.join(folder, "labels.json"), "[");
    await expectFailure(
      openRun(folder),
      "FILE_CORRUPT",
      `Cannot read labels.json of run "${folder}" as JSON: expected a value at character 1`,
    );
    await writeFile(path.join(folder, "labels.json"), " ".repeat(16 * 2 ** 20 + 1));
    await expectFailure(
      openRun(folder),
      "FILE_LIMIT",
      `Cannot read "${folder}/labels.json": it has 16,777,217 bytes, the limit is 16,777,216`,
    );
  });

  test("a checkpoint that a run does not have", async () => {
    const writer = await begin();
    const none = `Cannot use checkpoint best of run "${folder}": it does not exist, the run has no checkpoints yet`;
    await expectFailure(readRunCheckpoint(await openRun(folder), "best"), "RUN_INVALID", none);
    await writer.saveEpoch(checkpoint(history(0.5)), { metric: "top1", count: 1 });
    const some = `Cannot use checkpoint epoch 2 of run "${folder}": it does not exist, the run has best, last, epoch 1`;
    await expectFailure(readRunCheckpoint(await openRun(folder), 2), "RUN_INVALID", some);
    expect(checkpointFile(await openRun(folder), 1)).toBe("checkpoints/epoch-001.safetensors");
  });
});

test("names of epochs", () => {
  expect([1, 42, 1234].map(epochFile)).toEqual(["epoch-001.safetensors", "epoch-042.safetensors", "epoch-1234.safetensors"]);
  expect([1, 42, 1234].map((epoch) => epochOfFile(epochFile(epoch)))).toEqual([1, 42, 1234]);
  expect(["last.safetensors", "epoch-1.safetensors", "epoch-0001.safetensors", "epoch-001.npy"].map(epochOfFile)).toEqual([
    null,
    null,
    null,
    null,
  ]);
});

test("what cannot be logged is in neither file", async () => {
  const writer = await begin();
  const line = { kind: "step", epoch: 1, step: 1, time: 1, values: { time: 3 } } as const;
  await expectFailure(writer.log(line), "OPTION_INVALID", 'Cannot write a metric "time": the name is reserved');
  expect(await readRunMetrics(await openRun(folder))).toEqual([]);
  expect((await stat(path.join(folder, "events/events.out.tfevents.1700000000.inceptionkit"))).size).toBe(
    metricsEvents([], 0)[0]?.byteLength,
  );
});
