import { describe, expect, test } from "vitest";
import type { Session } from "../../runtime/session.js";
import { float32Tensor } from "../../tensor/tensor.js";
import type { InputBatch } from "./inputs.js";
import { compareAnswers, compareLabels, compareSpeed, cosine } from "./measure.js";

/** A network whose output is its input, changed. */
function network(change: (row: Float32Array) => Float32Array, onRun: () => void = () => {}): Session {
  return {
    device: "cpu",
    inputs: [{ name: "input", dtype: "float32", shape: ["N", 3] }],
    outputs: [{ name: "y", dtype: "float32", shape: ["N", 3] }],
    run: async (feeds) => {
      onRun();
      const { shape, data } = feeds.input ?? float32Tensor([0], new Float32Array());
      return { y: float32Tensor(shape, change(Float32Array.from(data, Number))) };
    },
    close: async () => {},
  };
}

function batch(files: readonly string[], values: readonly number[], first = 0): InputBatch {
  const data = Float32Array.from(values);
  return {
    names: files,
    indices: files.map((_, index) => first + index),
    finished: files.length,
    input: float32Tensor([files.length, 3], data),
  };
}

async function* batches(...list: readonly InputBatch[]): AsyncGenerator<InputBatch> {
  yield* list;
}

describe("compareAnswers", () => {
  test("counts equal answers of all and right answers of the labeled", async () => {
    // The second network answers 0 to the last image.
    const second = network((row) => row.map((value, index) => (index === row.length - 3 && row.length === 3 ? 9 : value)));
    const pair = { float: network((row) => row), int8: second, output: "y", measure: "top1" } as const;
    const labels = [0, 2, null, 1];
    const done: number[] = [];
    const result = await compareAnswers(
      pair,
      batches(batch(["a", "b", "unlabeled"], [1, 0, 0, 0, 1, 0, 0, 0, 1]), batch(["c"], [0, 1, 0], 3)),
      (index) => labels[index] ?? null,
      { onFiles: (count) => done.push(count) },
    );
    expect(result).toEqual({ agreement: 3 / 4, top1Float: 2 / 3, top1Int8: 1 / 3, evaluated: 4, labeled: 3 });
    expect(done).toEqual([3, 1]);
  });

  test("embeddings have a mean cosine and no classes", async () => {
    const turned = network((row) => Float32Array.of(row[1] ?? 0, row[0] ?? 0, row[2] ?? 0));
    const pair = { float: network((row) => row), int8: turned, output: "y", measure: "cosine" } as const;
    const result = await compareAnswers(pair, batches(batch(["a"], [1, 0, 0]), batch(["b"], [0, 0, 5])), () => 1);
    expect(result).toEqual({ agreement: 0.5, top1Float: null, top1Int8: null, evaluated: 2, labeled: 0 });
  });
});

describe("compareLabels", () => {
  /** Logits of three classes for each of four voxels. */
  const logits = (labels: readonly number[]): number[] => [0, 1, 2].flatMap((label) => labels.map((each) => Number(each === label)));
  const windows = (...list: readonly (readonly number[])[]): InputBatch => {
    const data = Float32Array.from(list.flatMap(logits));
    const rows = { names: list.map(() => "scan"), indices: list.map(() => 0) };
    return { ...rows, finished: 1, input: float32Tensor([list.length, 3, 1, 2, 2], data) };
  };
  const pair = (changed: readonly number[]) => ({
    float: network((rows) => rows),
    int8: network(() => Float32Array.from(logits(changed))),
    output: "y",
    measure: "dice" as const,
  });

  test("Dice of each label over all volumes, and their mean; the background does not count", async () => {
    const done: number[] = [];
    const result = await compareLabels(pair([0, 1, 1, 2]), batches(windows([0, 1, 2, 2]), windows([1, 1, 0, 0])), {
      onFiles: (count) => done.push(count),
    });
    // Label 1: 1 + 2 voxels against 2 + 2, two of them common. Label 2: 2 + 0 against 1 + 1, one of them common.
    expect(result.agreement).toBeCloseTo(((2 * 2) / 7 + (2 * 1) / 4) / 2, 12);
    expect(result).toMatchObject({ evaluated: 2, labeled: 0, top1Float: null, top1Int8: null });
    expect(done).toEqual([1, 1]);
  });

  test("volumes in which neither finds a label prove nothing", async () => {
    const message = "Cannot compare labels: neither model predicts a label in 1 volumes; use volumes with labels";
    await expect(compareLabels(pair([0, 0, 0, 0]), batches(windows([0, 0, 0, 0])))).rejects.toEqual(
      expect.objectContaining({ code: "DATASET_INVALID", message }),
    );
  });

  test("a label that neither finds is left out", async () => {
    expect((await compareLabels(pair([0, 0, 0, 1]), batches(windows([0, 0, 0, 1])))).agreement).toBe(1);
    expect((await compareLabels(pair([0, 0, 0, 0]), batches(windows([0, 0, 0, 1])))).agreement).toBe(0);
  });
});

test("the networks are timed in turn, the first run of each is not counted, and medians are compared", async () => {
  // Each run takes what the list says; the second network's middle run is the slow one.
  let now = 0;
  const order: string[] = [];
  const clocked = (name: string, times: number[]): Session =>
    network(
      (row) => row,
      () => {
        order.push(name);
        now += times.shift() ?? 0;
      },
    );
  const pair = { float: clocked("f", [99, 10, 12, 11]), int8: clocked("i", [99, 5, 70, 6]), output: "y", measure: "top1" } as const;
  const result = await compareSpeed(pair, batch(["a"], [1, 2, 3]).input, 3, () => now);
  expect(result).toEqual({ float: [10, 12, 11], int8: [5, 70, 6], speedup: 11 / 6 });
  expect(order.join("")).toBe("fifififi");
});

test("cosine, by hand", () => {
  expect(cosine(Float32Array.of(3, 4), Float32Array.of(4, 3))).toBeCloseTo(24 / 25, 12);
  expect(cosine(Float32Array.of(0, 0), Float32Array.of(1, 0))).toBe(0);
});
