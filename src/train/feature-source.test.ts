import { expect, test } from "vitest";
import type { Batch, BatchStream, Dataset } from "../data/batch.js";
import { featureSource } from "./feature-source.js";

const dataset: Dataset = {
  name: "six",
  classes: ["a", "b", "c"],
  size: 7,
  labelOf: (index) => index % 3,
  nameOf: (index) => `six/${index}`,
};
// Image 3 could not be decoded. The features of image i are i and 10·i.
const indices = [0, 1, 2, 4, 5, 6];
const table = { values: Float32Array.from(indices.flatMap((index) => [index, 10 * index])), width: 2, indices };

async function all(stream: BatchStream): Promise<readonly Batch[]> {
  const batches: Batch[] = [];
  for await (const batch of stream) batches.push(batch);
  return batches;
}

test("measuring: in order, the last batch smaller, features and truth of the same image", async () => {
  const source = featureSource(dataset, table, { batchSize: 4, seed: 1, training: false });
  expect(source.batchesPerEpoch).toBe(2);
  const batches = await all(source.epoch(0));
  expect(batches.map(({ indices }) => indices)).toEqual([
    [0, 1, 2, 4],
    [5, 6],
  ]);
  expect([...(batches[1]?.images ?? [])]).toEqual([5, 50, 6, 60]);
  expect([...(batches[1]?.labels ?? [])]).toEqual([2, 0]);
  expect([...(batches[1]?.targets ?? [])]).toEqual([0, 0, 1, 1, 0, 0]);
});

test("training: full batches in another order each epoch, the same for the same seed, and from any batch on", async () => {
  const source = featureSource(dataset, table, { batchSize: 2, seed: 5, training: true });
  expect(source.batchesPerEpoch).toBe(3);
  const epochs = await Promise.all([0, 1, 2, 3].map(async (epoch) => (await all(source.epoch(epoch))).flatMap(({ indices }) => indices)));
  for (const order of epochs) expect([...order].sort()).toEqual(indices);
  expect(new Set(epochs.map(String)).size).toBeGreaterThan(1);
  const again = featureSource(dataset, table, { batchSize: 2, seed: 5, training: true });
  expect((await all(again.epoch(2, 1))).flatMap(({ indices }) => indices)).toEqual(epochs[2]?.slice(2));
  for (const { images, indices } of await all(again.epoch(1))) expect([...images]).toEqual(indices.flatMap((index) => [index, 10 * index]));
});

test("training: fewer rows than one batch are rejected", () => {
  expect(() => featureSource(dataset, table, { batchSize: 7, seed: 1, training: true })).toThrow(
    expect.objectContaining({
      code: "OPTION_INVALID",
      message: 'Cannot read batches: "six" has 6 samples for training, fewer than one batch of 7',
    }),
  );
});
