/** Resuming from another directory and with more epochs; the directory of a run that names none. */
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { inceptionIn, ROOT } from "./program.js";
import { lastCheckpoint } from "./run-files.js";

const DIGITS = path.join(ROOT, "examples/digits/images");
const NETWORK = ["--model", "googlenet", ...["inputSize=32", "widthMultiplier=0.03"].flatMap((pair) => ["--option", pair])];
const CONSTANT = ["--schedule", "constant:unit=epoch", "--batch-size", "2", "--val-fraction", "0", "--threads", "1"];

let folder = "";
let project = "";

beforeAll(() => {
  folder = realpathSync(mkdtempSync(path.join(tmpdir(), "inception-resume-")));
  project = path.join(folder, "project");
  const images = readdirSync(DIGITS).toSorted().slice(0, 4);
  for (const [index, name] of images.entries()) {
    const place = path.join(project, "digits", index < 2 ? "a" : "b");
    mkdirSync(place, { recursive: true });
    cpSync(path.join(DIGITS, name), path.join(place, name));
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const train = (...more: readonly string[]) => inceptionIn(project, "train", "digits", ...NETWORK, ...CONSTANT, ...more);

test("a run without --out gets runs/<model>-<n>, each of several its own", async () => {
  const results = await Promise.all([train("--epochs", "1", "--json"), train("--epochs", "1", "--json")]);
  expect(results).toMatchObject([{ code: 0 }, { code: 0 }]);
  const runs = results.map(({ out }) => (JSON.parse(out) as { run: string }).run);
  expect(runs.toSorted()).toEqual(["runs/googlenet.public-1", "runs/googlenet.public-2"]);
  for (const run of runs) expect(readdirSync(path.join(project, run))).toContain("report.html");
});

test("a longer run equals one that was as long from the start where the schedule allows it", async () => {
  expect(await train("--epochs", "2", "--out", "straight")).toMatchObject({ code: 0 });
  const extended = await inceptionIn(project, "train", "--resume", "runs/googlenet.public-1", "--epochs", "2", "--threads", "1");
  expect(extended).toMatchObject({ code: 0 });
  expect(extended.err).toContain("2 epochs instead of 1: the learning-rate schedule does not depend on the number of epochs\n");
  expect(lastCheckpoint(path.join(project, "runs/googlenet.public-1")).equals(lastCheckpoint(path.join(project, "straight")))).toBe(true);
  const config = JSON.parse(readFileSync(path.join(project, "runs/googlenet.public-1/config.json"), "utf8")) as { settings: unknown };
  expect(config.settings).toMatchObject({ epochs: 2, data: "digits" });
});

test("a run whose config.json has the settings' former names resumes to the same bits", async () => {
  const run = path.join(project, "runs/googlenet.public-2");
  const config = JSON.parse(readFileSync(path.join(run, "config.json"), "utf8")) as { settings: Record<string, unknown> };
  const { batchSize, keepCheckpoints, emaDecay, weightDecayOn, learningRateMultipliers, checkpointActivations, valData, ...others } =
    config.settings;
  const former = {
    ...{ batch: batchSize, keep: keepCheckpoints, averageDecay: emaDecay, decayOn: weightDecayOn, val: valData },
    ...{ factors: learningRateMultipliers, recompute: checkpointActivations },
  };
  expect(Object.values(former)).not.toContain(undefined);
  writeFileSync(path.join(run, "config.json"), JSON.stringify({ ...config, settings: { ...others, ...former } }));
  expect(await inceptionIn(project, "train", "--resume", run, "--epochs", "2", "--threads", "1")).toMatchObject({ code: 0 });
  expect(lastCheckpoint(run).equals(lastCheckpoint(path.join(project, "straight")))).toBe(true);
});

test("fewer epochs than are done are refused; what a cosine becomes is said", async () => {
  expect(await inceptionIn(project, "train", "--resume", "straight", "--epochs", "2")).toMatchObject({
    code: 2,
    err: 'inception: Cannot resume "straight" with 2 epochs: 2 are done, expected more\n',
  });
  expect(await train("--epochs", "1", "--schedule", "cosine:unit=epoch", "--out", "cosine")).toMatchObject({ code: 0 });
  const extended = await inceptionIn(project, "train", "--resume", "cosine", "--epochs", "2");
  expect(extended).toMatchObject({ code: 0 });
  expect(extended.err).toContain(
    "2 epochs instead of 1: from here on the learning rate is that of a cosine schedule over 2 epochs, so the result differs from a run of 2 epochs\n",
  );
});

test("relative data is found from another directory and after the project is moved; otherwise it is said where it was looked for", async () => {
  const moved = path.join(folder, "moved");
  renameSync(project, moved);
  const resume = (cwd: string) => inceptionIn(cwd, "train", "--resume", path.join(moved, "straight"), "--epochs", "3");
  expect(await resume(folder)).toMatchObject({ code: 0 });
  expect((await inceptionIn(folder, "eval", path.join(moved, "straight"), "--json")).code).toBe(0);
  renameSync(path.join(moved, "digits"), path.join(folder, "elsewhere"));
  const run = path.join(moved, "straight");
  expect(await resume(folder)).toEqual({
    code: 2,
    out: "",
    err: `inception: Cannot open the data of run "${run}": "digits" was not found at "${moved}/digits" or "${folder}/digits"; change to the directory in which the run was started\n`,
  });
});
