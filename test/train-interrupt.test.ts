/** Signals and `signal`: what ends a run early, in each of its phases, and what it leaves. */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createVolume, type Triple } from "../src/data/index.js";
import { bytesSource } from "../src/formats/byte-source.js";
import { writeVolume } from "../src/node/volumes.js";
import { readCheckpointMeta } from "../src/train/checkpoint.js";
import { begin, ended, inception, ROOT } from "./program.js";
import { lastCheckpoint, loggedSteps } from "./run-files.js";

const NETWORK = ["inputSize=75", "widthMultiplier=0.0625", "repeats=1,1,1"].flatMap((pair) => ["--option", pair]);
let folder = "";

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), "inception-interrupt-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("signals end training with a checkpoint", () => {
  test.each([
    ["SIGTERM", 143],
    ["SIGHUP", 129],
  ] as const)("%s: exit code %d", async (signal, code) => {
    const run = path.join(folder, signal);
    const child = begin(
      ...["train", "shapes10?train=64&val=8", "--model", "inception_resnet_v1", ...NETWORK],
      ...["--epochs", "500", "--batch-size", "16", "--threads", "1", "--out", run],
    );
    const end = ended(child);
    while (loggedSteps(run) < 2 && child.exitCode === null) await new Promise((resolve) => setTimeout(resolve, 5));
    child.kill(signal);
    const result = await end;
    expect(result.code).toBe(code);
    const { position } = await readCheckpointMeta(bytesSource("last.safetensors", lastCheckpoint(run)));
    expect(result.err).toContain(`\ninterrupted after step ${position.step}; resume with: inception train --resume ${run}\n`);
    expect(readdirSync(run)).not.toContain(".lock");
  });
});

interface Ended {
  readonly rejected: string | null;
  readonly end: string | null;
  readonly events: readonly string[];
}

/** Starts a run in a process of its own and aborts it at the first event of a kind; events after that are counted. */
async function abortAt(kind: string, call: string): Promise<Ended> {
  const script = `
    import * as node from ${JSON.stringify(pathToFileURL(path.join(ROOT, "dist/node/index.js")).href)};
    const controller = new AbortController();
    const events = [];
    const onEvent = (event) => {
      if (controller.signal.aborted) events.push(event.kind);
      if (event.kind === ${JSON.stringify(kind)}) controller.abort(new Error("enough"));
    };
    const common = { onEvent, signal: controller.signal, threads: 1 };
    let [rejected, end] = [null, null];
    try {
      ({ end } = await ${call});
    } catch (thrown) {
      rejected = thrown.message;
    }
    process.stdout.write(JSON.stringify({ rejected, end, events }));
  `;
  const result = await ended(
    spawn(process.execPath, ["--input-type=module", "-e", script], { cwd: ROOT, stdio: ["ignore", "pipe", "pipe"] }),
  );
  expect(result).toMatchObject({ code: 0, err: "" });
  return JSON.parse(result.out) as Ended;
}

describe("signal of trainModel", () => {
  const call = (out: string) =>
    `node.trainModel("inception_resnet_v1", { data: "shapes10?train=256&val=16", epochs: 1, batchSize: 8, recipe: "head" }, ` +
    `{ ...common, out: ${JSON.stringify(out)}, options: { inputSize: 75, widthMultiplier: 0.0625, repeats: [1, 1, 1] } })`;

  test("is obeyed within one batch while features are computed; the run can be resumed", async () => {
    const out = path.join(folder, "features");
    expect(await abortAt("features", call(out))).toEqual({ rejected: "enough", end: null, events: [] });
    expect(readdirSync(out)).not.toContain(".lock");
    expect(await inception("train", "--resume", out)).toMatchObject({ code: 0 });
  });

  test("before the run has a directory nothing is written", async () => {
    const out = path.join(folder, "early");
    expect(await abortAt("preparing", call(out))).toEqual({ rejected: "enough", end: null, events: [] });
    expect(existsSync(out)).toBe(false);
  });

  test("in the validation of an epoch, and after a step, it saves and resolves", async () => {
    expect(await abortAt("evaluating", call(path.join(folder, "measuring")))).toEqual({
      rejected: null,
      end: "interrupted",
      events: ["saved"],
    });
    expect(await abortAt("step", call(path.join(folder, "step")))).toEqual({ rejected: null, end: "interrupted", events: ["saved"] });
  });
});

describe("signal of trainSegmentation", () => {
  const SHAPE: Triple = [16, 16, 16];
  let data = "";

  beforeAll(async () => {
    data = path.join(folder, "cubes");
    for (const name of ["images", "labels"]) mkdirSync(path.join(data, name), { recursive: true });
    const labels = Uint8Array.from({ length: 16 ** 3 }, (_, index) => Number(index % 16 < 8));
    const image = Int16Array.from(labels, (label, index) => 100 * label + (index % 7));
    for (const id of ["a", "b", "c", "d"]) {
      await writeVolume(path.join(data, "images", `${id}.nii.gz`), createVolume(SHAPE, image));
      await writeVolume(path.join(data, "labels", `${id}.nii.gz`), createVolume(SHAPE, labels));
    }
  });

  const call = (out: string) =>
    `node.trainSegmentation("inception_resnet_3d", { data: ${JSON.stringify(data)}, epochs: 1, folds: 2, batchSize: 2, patchSize: "16x16x16" }, ` +
    `{ ...common, out: ${JSON.stringify(out)}, options: { widthMultiplier: 0.05 } })`;

  test("is obeyed after one case while cases are read", async () => {
    const out = path.join(folder, "scanning");
    expect(await abortAt("scanning", call(out))).toEqual({ rejected: "enough", end: null, events: [] });
    expect(existsSync(out)).toBe(false);
  });

  test("is obeyed after one volume in the last validation; resuming validates and tidies up", async () => {
    const out = path.join(folder, "validating");
    expect(await abortAt("validating", call(out))).toEqual({ rejected: null, end: "interrupted", events: [] });
    expect(existsSync(path.join(out, "validation.json"))).toBe(false);
    // What a process leaves that is killed while it writes, and a file of somebody else.
    writeFileSync(path.join(out, "validation", ".a.nii.gz.0123456789ab.tmp"), "");
    writeFileSync(path.join(out, "validation", "notes.tmp"), "");
    const resumed = await inception("train-seg", "--resume", out, "--json");
    expect(resumed).toMatchObject({ code: 0 });
    expect(JSON.parse(resumed.out)).toMatchObject({ epochs: 1, validation: { meanDice: expect.any(Number) as number } });
    expect(readdirSync(path.join(out, "validation")).filter((name) => name.endsWith(".tmp"))).toEqual(["notes.tmp"]);
  });
});
