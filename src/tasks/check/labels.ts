/** The label part of a check: features of a model, batch by batch, and the labels that they contradict. */

import type { CheckedImage, LabelCheck } from "../../check/image-check.js";
import { crossValidatedProbabilities, findLabelIssues } from "../../check/label-issues.js";
import type { Image } from "../../data/image.js";
import { InceptionError } from "../../errors.js";
import type { CallOptions } from "../../runtime/platform.js";
import { argMax } from "../../tensor/arg-max.js";
import { at } from "../../tensor/at.js";
import type { Embedder } from "../classifier.js";

/** Collects the features of images. */
export interface FeatureCollector {
  readonly model: string;
  /** Waits where a batch is full, until it has run. */
  readonly add: (index: number, image: Image) => Promise<void>;
  readonly flush: () => Promise<void>;
  /** Features by image, in the order in which they were added. Null: more than memory is taken for. */
  readonly rows: () => { readonly indices: readonly number[]; readonly width: number; readonly data: Float32Array } | null;
}

const BATCH = 8;
/** Pixels that wait for a batch: a batch of large photographs runs before it is full. */
const MAX_WAITING_BYTES = 64 * 2 ** 20;
/** 512 MiB of features: 65,536 images with 2,048 each. */
const MAX_FEATURES = 2 ** 27;

/** @param count - images that may be added */
export function featureCollector(embedder: Embedder, count: number, call: CallOptions): FeatureCollector {
  const waiting: { readonly index: number; readonly image: Image }[] = [];
  const indices: number[] = [];
  let data = new Float32Array(0);
  let width = 0;
  const keep = (index: number, row: Float32Array): void => {
    if (width === 0) {
      width = row.length;
      data = new Float32Array(width * count <= MAX_FEATURES ? width * count : 0);
    }
    if (data.length === 0) return;
    data.set(row, width * indices.length);
    indices.push(index);
  };
  const flush = async (): Promise<void> => {
    const batch = waiting.splice(0);
    if (batch.length === 0 || (width > 0 && data.length === 0)) return;
    const rows = await featuresOf(
      embedder,
      batch.map(({ image }) => image),
      call,
    );
    for (const [k, row] of rows.entries()) if (row !== null) keep(at(batch, k).index, row);
  };
  return {
    model: embedder.model,
    add: async (index, image) => {
      waiting.push({ index, image });
      const bytes = waiting.reduce((sum, each) => sum + each.image.data.byteLength, 0);
      if (waiting.length >= BATCH || bytes > MAX_WAITING_BYTES) await flush();
    },
    flush,
    rows: () => (width > 0 && data.length === 0 ? null : { indices, width, data: data.subarray(0, width * indices.length) }),
  };
}

/** An image that preprocessing refuses, such as a strip of one pixel's width, has no features. */
async function featuresOf(embedder: Embedder, images: readonly Image[], call: CallOptions): Promise<readonly (Float32Array | null)[]> {
  try {
    return await embedder.embed(images, call);
  } catch (thrown) {
    if (!(thrown instanceof InceptionError) || !thrown.code.startsWith("IMAGE_")) throw thrown;
    if (images.length === 1) return [null];
    const rows: (Float32Array | null)[] = [];
    for (const image of images) rows.push(...(await featuresOf(embedder, [image], call)));
    return rows;
  }
}

interface LabelSettings {
  readonly folds: number;
  readonly seed: number;
  /** By image: those with the same number are in one fold. */
  readonly groups: Uint32Array;
  readonly onFold: (done: number, total: number) => Promise<void>;
}

/** Labels that are probably wrong; a note where they cannot be checked. */
export async function checkLabels(
  features: FeatureCollector,
  images: readonly CheckedImage[],
  labels: Int32Array,
  classes: readonly string[],
  { folds, seed, groups, onFold }: LabelSettings,
): Promise<LabelCheck | { readonly note: string }> {
  const rows = features.rows();
  if (rows === null) return { note: `labels were not checked: the features of ${images.length} images need more than 512 MiB` };
  const count = rows.indices.length;
  if (count < 2 * folds) return { note: `labels were not checked: ${count} images could be read, expected at least ${2 * folds}` };
  const own = Int32Array.from(rows.indices, (index) => at(labels, index));
  const options = { folds, seed, groups: Uint32Array.from(rows.indices, (index) => at(groups, index)), onFold };
  const probabilities = await crossValidatedProbabilities({ count, ...rows }, own, classes.length, options);
  const rowOf = (i: number): Float64Array => probabilities.data.subarray(i * classes.length, (i + 1) * classes.length);
  const right = own.reduce((sum, label, i) => sum + (argMax(rowOf(i)) === label ? 1 : 0), 0);
  const suspects = findLabelIssues(probabilities, own).map(({ index, suggested, probability, selfConfidence }) => ({
    ...at(images, at(rows.indices, index)),
    suggested: at(classes, suggested),
    probability,
    selfConfidence,
  }));
  return { model: features.model, features: rows.width, images: count, accuracy: right / count, suspects };
}
