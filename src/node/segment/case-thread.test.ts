import { describe, expect, test } from "vitest";
import { createVolume, type SegmentationConfig, type Triple } from "../../data/index.js";
import { buffersOf } from "../../runtime/calls.js";
import { inCaseThread, type NodeCaseTasks, performCaseTask } from "./case-thread.js";

/** More than what is worked on in place. */
const MANY = 2 ** 21;
const AFFINE = [-1, 0, 0, 5, 0, 2, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1];
const LABELS = [0, 1, 2].map((value) => ({ value, name: `label ${value}` }));

function finishTask(shape: Triple): NodeCaseTasks["finish"] {
  const voxels = shape[0] * shape[1] * shape[2];
  const turned = { shape, affine: [1, 0, 0, 6 - shape[0], 0, 2, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1] };
  return {
    classes: Uint16Array.from({ length: voxels }, (_, i) => (i % 7 < 4 ? 0 : 1 + (i % 2))),
    probabilities: [Float32Array.from({ length: voxels }, (_, i) => (i % 5) / 4)],
    grid: turned,
    original: { shape, affine: AFFINE },
    outside: Uint8Array.from({ length: voxels }, (_, i) => (i === 3 ? 1 : 0)),
    labelValues: [0, 1, 2],
    labels: LABELS,
    cleaning: { largestComponent: true, fillHoles: true },
  };
}

describe("a task in a thread", () => {
  test("gives what it gives in place", async () => {
    const shape: Triple = [6, 5, 4];
    expect(await inCaseThread("finish", finishTask(shape), MANY)).toEqual(
      await performCaseTask({ kind: "finish", task: finishTask(shape) }),
    );
    const image = createVolume(
      shape,
      Int16Array.from({ length: 120 }, (_, i) => (i * i) % 31),
      AFFINE,
    );
    const recipe: SegmentationConfig = {
      spacing: [1, 1, 2],
      normalization: [{ name: "z_score", region: "all" }],
      patchSize: [4, 4, 4],
      labelValues: [0, 1, 2],
    };
    for (const raw of [undefined, "patch", "volume"] as const) {
      const task = { channels: [image], recipe, raw };
      expect(await inCaseThread("prepare", task, MANY)).toEqual(await performCaseTask({ kind: "prepare", task }));
    }
    const page: NodeCaseTasks["page"] = {
      title: "<a>",
      image,
      labels: { ...image, data: Uint8Array.from(image.data, (value) => value % 3) },
      classes: LABELS,
      measured: [],
      warnings: null,
      normalization: { name: "z_score", region: "all" },
      facts: [],
    };
    expect(await inCaseThread("page", page, MANY)).toBe(await performCaseTask({ kind: "page", task: page }));
  });

  test("moves only what is given away", async () => {
    const task = finishTask([6, 5, 4]);
    await inCaseThread("finish", task, MANY, buffersOf(task.classes));
    expect([task.classes.length, task.outside?.length]).toEqual([0, 120]);
  });

  test("a failure keeps its code, message and details", async () => {
    const image = createVolume([2, 1, 1], Int16Array.of(1, 2));
    const recipe: SegmentationConfig = { spacing: null, normalization: [], patchSize: [1, 1, 1], labelValues: [0, 1] };
    await expect(inCaseThread("prepare", { channels: [image], recipe, raw: undefined }, MANY)).rejects.toMatchObject({
      code: "VOLUME_INVALID",
      message: "Cannot preprocess a volume: there are 1 channels, expected 0",
      details: { channels: 1 },
    });
  });

  test("the event loop goes on meanwhile", async () => {
    const shape: Triple = [128, 128, 128];
    const task = finishTask(shape);
    let ticks = 0;
    const timer = setInterval(() => ticks++, 5);
    await inCaseThread("finish", task, MANY, buffersOf([task.classes, task.probabilities]));
    clearInterval(timer);
    // In place it takes a second or more, in one piece: no tick.
    expect(ticks).toBeGreaterThan(20);
  });
});
