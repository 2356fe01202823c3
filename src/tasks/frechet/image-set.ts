/** From images to what is kept of them: moments by group, and rows and scores where they are asked for. */
import { randomStream } from "../../data/index.js";
import { InceptionError, messageOf } from "../../errors.js";
import { quoted } from "../../formats/quoted.js";
import {
  assignGroups,
  type FeatureRows,
  type InceptionScore,
  InceptionScoreAccumulator,
  MomentAccumulator,
  type Moments,
} from "../../frechet/index.js";
import { checkRow } from "../../predict/predict.js";
import { callOf, throwIfAborted } from "../../runtime/abort.js";
import type { CallOptions, ImageInput, SourceOptions } from "../../runtime/platform.js";
import { joinInputs } from "../image-batch.js";
import { type ImageReader, type ReadImage, readImages } from "../read-images.js";
import type { FeatureNetwork } from "./network.js";

interface ImageSetOptions extends CallOptions {
  /** How messages name the set. */
  readonly place: string;
  /** "a" or "b": sets are dealt differently. */
  readonly name: string;
  /** Groups of the jackknife, at least 1. */
  readonly groups: number;
  /** Whether the rows are kept, for a kernel distance. */
  readonly keepRows: boolean;
  /** Splits of the inception score; null: none. */
  readonly splits: number | null;
  readonly seed: number;
  /** Images that run together. */
  readonly batch: number;
  readonly onImages: (done: number) => void;
  /** Called for an image that cannot be used, which is skipped. */
  readonly onSkipped: (name: string, error: string) => void;
}

/** What was collected of a set. */
export interface ImageSet {
  /** Images that were used. */
  readonly count: number;
  /** One for each group that has images. */
  readonly groups: readonly Moments[];
  readonly rows: FeatureRows | null;
  readonly score: InceptionScore | null;
}

/** Rows that are kept for a kernel distance: 410 MB of 2048 features. Subsets of 1000 of more would be no more exact. */
const MAX_ROWS = 50_000;

/**
 * Run a network on images, batch by batch; while one runs, the next is decoded. Besides what is kept, memory holds the
 * inputs of two batches and the pixels that `readImages` allows.
 *
 * @throws InceptionError OPTION_INVALID where fewer than 2 images can be used, or the score cannot be split; NOT_FINITE naming the first
 *   image whose features are not
 */
export async function collectImages<F extends SourceOptions>(
  reader: ImageReader<F>,
  images: readonly ImageInput[],
  network: FeatureNetwork,
  options: ImageSetOptions,
): Promise<ImageSet> {
  const collector = new Collector(images.length, network, options);
  let running: Promise<void> = Promise.resolve();
  let firstError: string | null = null;
  // As Pillow opens an image, without turning it: what all three tools do.
  const how = { preprocessing: network.recipe, batchSize: options.batch, upright: false, ...callOf(options) };
  for await (const read of readImages(reader, images, how)) {
    for (const { name, input } of read) {
      if (!(input instanceof InceptionError)) continue;
      const error = messageOf(input);
      firstError ??= error;
      options.onSkipped(name, error);
    }
    await running;
    throwIfAborted(options.signal);
    running = collector.run(read).then(() => options.onImages(read.length));
    // Awaited in the next round; without a handler now, a failure while images are read would end the process.
    running.catch(() => {});
  }
  await running;
  return collector.finish(firstError);
}

class Collector {
  readonly #network: FeatureNetwork;
  readonly #options: ImageSetOptions;
  readonly #groupOf: Uint8Array;
  readonly #groups: readonly MomentAccumulator[];
  readonly #score: InceptionScoreAccumulator | null;
  readonly #keep: Uint8Array | null;
  readonly #rows: Float32Array;
  #kept = 0;
  #count = 0;

  constructor(images: number, network: FeatureNetwork, options: ImageSetOptions) {
    const { groups, name, seed, keepRows, splits } = options;
    this.#network = network;
    this.#options = options;
    this.#groupOf = assignGroups(images, groups, seed, name);
    this.#groups = Array.from({ length: groups }, () => new MomentAccumulator(network.features));
    this.#score = splits === null ? null : scoreOf(network, images, splits, seed);
    this.#keep = keepRows ? keptRows(images, seed, name) : null;
    this.#rows = new Float32Array(this.#keep === null ? 0 : Math.min(images, MAX_ROWS) * network.features);
  }

  async run(read: readonly ReadImage[]): Promise<void> {
    const images = read.flatMap(({ index, name, input }) => (input instanceof InceptionError ? [] : [{ index, name, input }]));
    if (images.length === 0) return;
    const { features, logits } = await this.#network.run(joinInputs(images.map(({ input }) => input)), callOf(this.#options));
    for (const [k, { index, name }] of images.entries()) {
      const row = rowOf(features, k, images.length);
      checkRow(row, "features", quoted(name));
      this.#take(index, row);
      if (logits === null) continue;
      const logitsRow = rowOf(logits, k, images.length);
      checkRow(logitsRow, "logits", quoted(name));
      this.#score?.add(index, logitsRow);
    }
  }

  #take(index: number, row: Float32Array): void {
    this.#groups[this.#groupOf[index] ?? 0]?.add(row);
    this.#count++;
    if (this.#keep?.[index] === 1) this.#rows.set(row, this.#kept++ * this.#network.features);
  }

  finish(firstError: string | null): ImageSet {
    const { place } = this.#options;
    const { features } = this.#network;
    if (this.#count < 2) {
      const reason = firstError === null ? "" : `; first error: ${firstError}`;
      const message = `Cannot evaluate "${messageOf(place)}": ${this.#count} of its images could be read, expected at least 2${reason}`;
      throw new InceptionError("OPTION_INVALID", message, { place, count: this.#count });
    }
    return {
      count: this.#count,
      groups: this.#groups.map((group) => group.finish()).filter(({ count }) => count > 0),
      rows: this.#keep === null ? null : { count: this.#kept, features, data: this.#rows.slice(0, this.#kept * features) },
      score: this.#score?.finish() ?? null,
    };
  }
}

function scoreOf({ classes }: FeatureNetwork, images: number, splits: number, seed: number): InceptionScoreAccumulator {
  if (classes !== null) return new InceptionScoreAccumulator({ images, classes, splits, seed });
  throw new InceptionError("OPTION_INVALID", "Cannot compute Inception Scores: the network has no logits", {});
}

/** Which images' rows are kept: all, or as many as are allowed, at random. */
function keptRows(images: number, seed: number, name: string): Uint8Array {
  const keep = new Uint8Array(images).fill(images <= MAX_ROWS ? 1 : 0);
  if (images <= MAX_ROWS) return keep;
  const order = randomStream({ seed, purpose: `kept rows ${name}` }).permutation(images);
  for (const index of order.subarray(0, MAX_ROWS)) keep[index] = 1;
  return keep;
}

function rowOf(values: Float32Array, k: number, rows: number): Float32Array {
  const length = values.length / rows;
  return values.subarray(k * length, (k + 1) * length);
}
