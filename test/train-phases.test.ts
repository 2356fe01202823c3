/** Progressive unfreezing: what each phase trains, and that a run which is stopped anywhere ends with the same bytes. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { resumeTraining, trainModel } from "../src/node/training/train-model.js";
import { lastCheckpoint } from "./run-files.js";

const NETWORK = { inputSize: 75, widthMultiplier: 0.0625, repeats: [1, 1, 1] } as const;
const SETTINGS = {
  data: "shapes10?train=24&val=10",
  epochs: 4,
  batchSize: 8,
  augmentation: "light",
  emaDecay: 0.9,
  optimizer: { name: "sgd", momentum: 0.9 },
  freeze: "backbone",
  unfreeze: "2=except-last:1,4=none",
  layerDecay: 0.5,
  seed: 3,
} as const;
const PLACE = { device: "cpu", threads: 1, workers: 0, options: NETWORK } as const;

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), "inception-phases-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Trains until so many steps are done, and resumes from there. */
async function stoppedAfter(steps: number): Promise<string> {
  const out = path.join(folder, `stopped-${steps}`);
  const stop = new AbortController();
  let done = 0;
  const onEvent = (event: { readonly kind: string }) => {
    if (event.kind === "step" && ++done === steps) stop.abort(new Error("stopped"));
  };
  const begun = await trainModel("inception_resnet_v1", SETTINGS, { ...PLACE, out, signal: stop.signal, onEvent });
  expect(begun).toMatchObject({ end: "interrupted", steps });
  expect(await resumeTraining({ out, device: "cpu", threads: 1, workers: 0 })).toMatchObject({ end: "finished", steps: 12 });
  return out;
}

describe("a backbone that is unfrozen in epochs 2 and 4", () => {
  const kinds: string[] = [];
  let whole = "";
  beforeAll(async () => {
    whole = path.join(folder, "whole");
    const onEvent = ({ kind }: { readonly kind: string }) => kinds.push(kind);
    const trained = await trainModel("inception_resnet_v1", { ...SETTINGS, keepCheckpoints: 4 }, { ...PLACE, out: whole, onEvent });
    expect(trained).toMatchObject({ end: "finished", epochs: 4, steps: 12 });
  }, 60_000);

  test("says its plan once", () => {
    expect(kinds.filter((kind) => kind === "start")).toHaveLength(1);
    expect(kinds.filter((kind) => kind === "step")).toHaveLength(12);
  });

  // Step 3 ends the first phase, 4 lies inside the second, 9 ends it and 11 lies inside the last.
  test.each([3, 4, 9, 11])(
    "stopped after step %i and resumed, it ends with the same checkpoint",
    async (steps) => {
      const out = await stoppedAfter(steps);
      const [found, expected] = [tensorsOf(out), tensorsOf(whole)];
      expect([...found.keys()].toSorted()).toEqual([...expected.keys()].toSorted());
      for (const [name, bytes] of expected) expect([name, Buffer.compare(found.get(name)!, bytes)]).toEqual([name, 0]);
    },
    60_000,
  );

  test("the first phase leaves the backbone as it was, the second its early stages, the last nothing", async () => {
    const trained = async (epochs: number): Promise<ReadonlyMap<string, Buffer>> => {
      const out = path.join(folder, `epochs-${epochs}`);
      // The learning rate of a constant schedule does not depend on the number of epochs.
      const settings = { ...SETTINGS, epochs, schedule: { name: "constant", unit: "epoch" } };
      await trainModel("inception_resnet_v1", settings, { ...PLACE, out });
      return tensorsOf(out);
    };
    const [one, three, four] = [await trained(1), await trained(3), await trained(4)];
    const isWeight = (name: string) => /(weight|bias)$/.test(name);
    const changed = (before: ReadonlyMap<string, Buffer>, after: ReadonlyMap<string, Buffer>) =>
      [...before].filter(([name, bytes]) => isWeight(name) && !bytes.equals(after.get(name)!)).map(([name]) => name);
    const weights = [...one.keys()].filter(isWeight);
    const late = changed(one, three);
    expect(late).toContain("logits.weight");
    expect(late.some((name) => name.startsWith("conv2d_1a"))).toBe(false);
    expect(late.length).toBeGreaterThan(2);
    expect(late.length).toBeLessThan(weights.length / 2);
    expect(changed(three, four).toSorted()).toEqual(weights.toSorted());
    // A backbone that nothing has trained has neither slots nor averages.
    expect([...one.keys()].filter((name) => name.startsWith("conv2d_1a") && name.includes(":"))).toEqual([]);
    expect([...four.keys()].filter((name) => name.startsWith("conv2d_1a") && name.endsWith(":average")).length).toBeGreaterThan(0);
  }, 60_000);
});

test("a run of a version without these settings resumes without them, whatever its recipe has today", async () => {
  const constant = { name: "constant", unit: "epoch" };
  const settings = { ...SETTINGS, recipe: "finetune_adamw", freeze: "none", unfreeze: "none", layerDecay: 1, schedule: constant } as const;
  const [straight, older] = ["straight", "older"].map((name) => path.join(folder, name)) as [string, string];
  await trainModel("inception_resnet_v1", { ...settings, epochs: 2 }, { ...PLACE, out: straight });
  await trainModel("inception_resnet_v1", { ...settings, epochs: 1 }, { ...PLACE, out: older });
  const file = path.join(older, "config.json");
  const config = JSON.parse(readFileSync(file, "utf8")) as { settings: Record<string, unknown> };
  const { unfreeze, layerDecay, ...others } = config.settings;
  expect([unfreeze, layerDecay]).toEqual(["none", 1]);
  writeFileSync(file, JSON.stringify({ ...config, settings: others }));
  await resumeTraining({ out: older, device: "cpu", threads: 1, workers: 0, epochs: 2 });
  const [found, expected] = [tensorsOf(older), tensorsOf(straight)];
  expect([...found.keys()].toSorted()).toEqual([...expected.keys()].toSorted());
  for (const [name, bytes] of expected) expect([name, Buffer.compare(found.get(name)!, bytes)]).toEqual([name, 0]);
}, 60_000);

/** Bytes of each tensor of the last checkpoint. */
function tensorsOf(run: string): ReadonlyMap<string, Buffer> {
  const bytes = lastCheckpoint(run);
  const headerLength = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.toString("utf8", 8, 8 + headerLength)) as Record<string, { data_offsets: [number, number] }>;
  const start = 8 + headerLength;
  return new Map(
    Object.entries(header).flatMap(([name, entry]) =>
      name === "__metadata__" ? [] : [[name, bytes.subarray(start + entry.data_offsets[0], start + entry.data_offsets[1])] as const],
    ),
  );
}
