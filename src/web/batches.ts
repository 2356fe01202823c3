/// <reference lib="dom" />
/** Batches in a page: the worker for images decodes and augments them, ahead of their use. */
import type { Batch, BatchSource } from "../data/batch.js";
import type { BatchPlan, BatchSourceOptions } from "../data/batches/plan.js";
import { batchSource } from "../data/batches/source.js";
import { closedError, type Factory, type Made } from "../data/batches/stream.js";
import type { DatasetSource, SampleStore } from "../data/dataset-source.js";
import type { ImageInput } from "../runtime/platform.js";
import { readImageInput } from "./image-input.js";
import type { PageWorker } from "./images.js";

/** Batches on order while one is used. */
const AHEAD = 2;

/** @throws InceptionError OPTION_INVALID; SOURCE_INVALID for what is no image */
export async function openBatches(images: PageWorker, dataset: DatasetSource, options: BatchSourceOptions): Promise<BatchSource> {
  const stored = { ...dataset, samples: await storedSamples(dataset.samples) };
  return batchSource(stored, options, AHEAD, (plan) => inWorker(images.batches, plan));
}

function inWorker(batches: PageWorker["batches"], plan: BatchPlan): Factory<Batch> {
  let closed = false;
  const opened = batches.open(plan);
  opened.catch(() => {});
  const make = async (epoch: number, batch: number): Promise<Made<Batch>> => {
    const source = await opened;
    if (closed) throw closedError(plan.name);
    return batches.make(source, epoch, batch);
  };
  return {
    order: (epoch, batch) => {
      const made = make(epoch, batch);
      // The one who reads the batch sees the error; until then it is not unhandled.
      made.catch(() => {});
      return { made, cancel: () => {} };
    },
    wait: ({ made }) => made,
    close: async () => {
      if (closed) return;
      closed = true;
      await batches.close(await opened);
    },
  };
}

async function storedSamples(samples: SampleStore): Promise<SampleStore> {
  if (samples.kind !== "inputs") return samples;
  return { ...samples, inputs: await Promise.all(samples.inputs.map(storedInput)) };
}

/** An image as a worker can be sent it. What is drawn in the page is read here. */
async function storedInput(input: ImageInput): Promise<ImageInput> {
  if (typeof input === "string") return new URL(input, location.href).href;
  if (input instanceof URL) return input.href;
  // A view would be sent with all of its buffer.
  if (input instanceof Uint8Array) return input.byteLength === input.buffer.byteLength ? input : new Uint8Array(input);
  if (input instanceof Blob || ("channels" in input && "data" in input)) return input;
  const read = await readImageInput(input);
  return "bytes" in read ? read.bytes : read;
}
