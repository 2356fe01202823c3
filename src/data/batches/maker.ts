/** Makes one batch after the other, in whichever thread it is called. */
import { InceptionError } from "../../errors.js";
import { augmentAndNormalize } from "../augment/augment.js";
import { mixBatch } from "../augment/mix.js";
import type { Batch, SkippedSample } from "../batch.js";
import { sampleName } from "../dataset-source.js";
import type { Image } from "../image.js";
import { markClasses } from "../label-sets.js";
import { randomStream } from "../random.js";
import { epochOrder } from "../shuffle.js";
import { preprocess } from "../transforms/preprocess.js";
import type { BatchPlan } from "./plan.js";
import { closedError, type Made, type Maker } from "./stream.js";

/** Opens samples by index. */
export interface SampleReader {
  /**
   * The decoded image of a sample; callers must not change it.
   *
   * @throws InceptionError for a sample that is missing or damaged
   */
  read(index: number): Promise<Image>;
  /** Closes what is open and empties the cache. */
  close(): Promise<void>;
}

/** A dataset of which so many samples in a row are damaged is no dataset; going on would take hours to find that out. */
const MAX_DAMAGED_IN_A_ROW = 1000;

/**
 * @param reader - of the plan's samples; closed with the maker
 * @param stopped - asked before each sample; when true, `make` rejects with SESSION_CLOSED
 */
export function openBatchMaker(plan: BatchPlan, reader: SampleReader, stopped: () => boolean): Maker<Batch> {
  const damaged = new Map<number, SkippedSample>();
  let order: { readonly epoch: number; readonly indices: Uint32Array } | null = null;
  return {
    make: (epoch, batch) => {
      if (order?.epoch !== epoch) order = { epoch, indices: epochOrder(plan.labels.length, { ...plan, epoch }) };
      return makeBatch({ plan, reader, damaged, stopped, order: order.indices }, epoch, batch);
    },
    close: () => reader.close(),
  };
}

interface Workplace {
  readonly plan: BatchPlan;
  readonly reader: SampleReader;
  /** What was found to be damaged before. */
  readonly damaged: Map<number, SkippedSample>;
  readonly stopped: () => boolean;
  /** Sample per position in the epoch. */
  readonly order: Uint32Array;
}

async function makeBatch(place: Workplace, epoch: number, batch: number): Promise<Made<Batch>> {
  const { plan, order } = place;
  const first = batch * plan.batchSize;
  const wanted = Math.min(plan.batchSize, order.length - first);
  const length = plan.channels * plan.inputSize ** 2;
  const images = new Float32Array(wanted * length);
  const skipped = new Map<number, SkippedSample>();
  const indices: number[] = [];
  const read = lookahead(place, first, first + wanted);
  for (let position = first; position < first + wanted; position++) {
    const found = await readOrReplace(place, read, position, skipped);
    if (found) writeSample(plan, found, epoch, { data: images, offset: indices.push(found.index) * length - length });
  }
  const count = indices.length;
  const kept = count === wanted ? images : images.slice(0, count * length);
  return { batch: finish(plan, kept, indices, epoch, batch), skipped: [...skipped.values()] };
}

interface Found {
  readonly index: number;
  readonly image: Image;
}

/** The sample at a position of the epoch; in full batches the next one that can be decoded, otherwise null in its place. */
async function readOrReplace(
  place: Workplace,
  read: (position: number) => Promise<Found | SkippedSample>,
  position: number,
  skipped: Map<number, SkippedSample>,
): Promise<Found | null> {
  const { plan, order } = place;
  for (let tries = 0; ; tries++) {
    const found = await read((position + tries) % order.length);
    if ("image" in found) return found;
    skipped.set(found.index, found);
    if (!plan.full) return null;
    if (tries + 1 < Math.min(order.length, MAX_DAMAGED_IN_A_ROW)) continue;
    throw new InceptionError(
      "DATASET_INVALID",
      `Cannot read batches of "${plan.name}": ${tries + 1} samples in a row could not be decoded; the last one: ${found.reason}`,
      { dataset: plan.name, sample: found.name },
    );
  }
}

/** Reads by position, one ahead: while a sample is augmented here, the next is decoded outside JavaScript. */
function lookahead(place: Workplace, first: number, end: number): (position: number) => Promise<Found | SkippedSample> {
  const started = new Map<number, Promise<Found | SkippedSample>>();
  const start = (position: number) => {
    const reading = started.get(position) ?? readSample(place, position);
    started.set(position, reading);
    return reading;
  };
  return (position) => {
    const reading = start(position);
    started.delete(position);
    if (position >= first && position + 1 < end) start(position + 1).catch(() => undefined);
    return reading;
  };
}

async function readSample({ plan, reader, damaged, stopped, order }: Workplace, position: number): Promise<Found | SkippedSample> {
  if (stopped()) throw closedError(plan.name);
  const index = order[position]!;
  const known = damaged.get(index);
  if (known) return known;
  try {
    return { index, image: await reader.read(index) };
  } catch (thrown) {
    // What is not about the image is a fault of this program or machine, and no reason to leave samples out.
    if (!(thrown instanceof InceptionError)) throw thrown;
    const sample = { index, name: sampleName(plan.samples, index), reason: thrown.message };
    damaged.set(index, sample);
    return sample;
  }
}

function writeSample(plan: BatchPlan, found: Found, epoch: number, into: { readonly data: Float32Array; readonly offset: number }): void {
  const { augmentation, preprocessing, inputSize, seed } = plan;
  if (!augmentation) {
    preprocess(found.image, preprocessing, into);
    return;
  }
  const random = randomStream({ seed, purpose: "augment", epoch, index: found.index });
  augmentAndNormalize(found.image, augmentation, preprocessing, inputSize, random, into);
}

function finish(plan: BatchPlan, images: Float32Array, indices: readonly number[], epoch: number, batch: number): Batch {
  const labels = Int32Array.from(indices, (index) => plan.labels[index]!);
  const targets = new Float32Array(indices.length * plan.classCount);
  const labeled = { ...plan, labelOf: (index: number) => plan.labels[index]! };
  for (const [row, index] of indices.entries()) markClasses(labeled, index, targets, row * plan.classCount);
  const made = { images, count: indices.length, labels, targets, indices };
  if (made.count > 0) {
    const random = randomStream({ seed: plan.seed, purpose: "mix", epoch, index: batch });
    mixBatch({ ...made, width: plan.inputSize, height: plan.inputSize }, plan.mixing, random);
  }
  return made;
}
