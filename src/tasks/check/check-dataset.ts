/**
 * Checking labeled images, in one pass over the files:
 *
 *   bytes ──► hash        pixels ──► hash, fingerprint ──► duplicates, outliers
 *                         pixels ──► features ──► suspect labels
 */
import { type ComparedImage, type DuplicateGroup, findDuplicates, type Link } from "../../check/duplicates.js";
import { type Fingerprint, fingerprint } from "../../check/fingerprint.js";
import type { CheckCounts, CheckedImage, DuplicateImages, ImageCheck, ImageOutlier, UnreadableImage } from "../../check/image-check.js";
import { findOutliers } from "../../check/outliers.js";
import type { OpenedDataset } from "../../data/assemble.js";
import { type DatasetSource, type SampleStore, sampleName } from "../../data/dataset-source.js";
import type { Image } from "../../data/image.js";
import { requireSingleLabels } from "../../data/label-sets.js";
import { InceptionError, messageOf, orError } from "../../errors.js";
import { callOf, throwIfAborted, untilAborted } from "../../runtime/abort.js";
import type { CallOptions, Platform } from "../../runtime/platform.js";
import { at } from "../../tensor/at.js";
import type { Embedder } from "../classifier.js";
import { isImage } from "../image-input.js";
import type { OnProgress } from "../progress.js";
import { checkLabels, type FeatureCollector, featureCollector } from "./labels.js";

/** Reads samples as they are stored. */
export interface EncodedSamples {
  /** The bytes of a file; pixels where there is none. @throws InceptionError */
  readonly read: (index: number) => Promise<Image | Uint8Array>;
  readonly close: () => Promise<void>;
}

export interface CheckHost {
  readonly platform: Pick<Platform, "decodeImage" | "sha256">;
  readonly openSamples: (samples: SampleStore) => EncodedSamples;
  /** Lets other work of the thread go on: drawing, signals. */
  readonly pause: () => Promise<void>;
}

interface CheckSettings extends CallOptions {
  /** Computes the features for suspect labels; null: labels are not checked. */
  readonly embedder: Embedder | null;
  /** Folds of the cross-validation. */
  readonly folds: number;
  readonly seed: number;
  readonly onProgress?: OnProgress<"images" | "duplicates" | "labels">;
}

/** Images that are read at once. */
const READ_AT_ONCE = 4;
/** More images are checked for everything but near duplicates: their search would take hours. */
const MAX_COMPARED = 200_000;
/** More than 3 times as many images of one class as of another need other settings of training or more images. */
const MAX_RATIO = 3;
const BRIGHTNESS_STEPS = 20;

/** What is known of an image after it was read. */
interface ReadSample {
  readonly bytes: string | null;
  readonly pixels: string;
  readonly print: Fingerprint;
}

/**
 * Checks the images of a data set. A file that cannot be read is a finding.
 *
 * @throws InceptionError of the model; DATASET_INVALID for images with several classes; what `signal` was aborted with
 */
export async function checkDataset(host: CheckHost, data: OpenedDataset, settings: CheckSettings): Promise<ImageCheck> {
  requireSingleLabels(data.train, "check");
  const images = imagesOf(data);
  const labels = Int32Array.from([...data.train.labels, ...(data.val?.labels ?? [])]);
  const features = settings.embedder === null ? null : featureCollector(settings.embedder, images.length, callOf(settings));
  const read = await readAll(host, data, images, features, settings);
  const notes: string[] = [];
  const compared = read.map((sample, index): ComparedImage => {
    const found = sample instanceof InceptionError ? null : sample;
    const print = images.length > MAX_COMPARED ? null : (found?.print ?? null);
    return { bytes: found?.bytes ?? null, pixels: found?.pixels ?? null, print, label: at(labels, index), part: at(images, index).split };
  });
  if (images.length > MAX_COMPARED) notes.push(`near duplicates were not searched: ${images.length} images, the limit is ${MAX_COMPARED}`);
  const step = async (phase: "duplicates" | "labels", done: number, total: number): Promise<void> => {
    settings.onProgress?.({ phase, done, total });
    await host.pause();
    throwIfAborted(settings.signal);
  };
  const { groups, incomplete } = await findDuplicates(compared, (done) => step("duplicates", done, images.length));
  if (incomplete > 0) notes.push(`near duplicates of ${incomplete} images may be missing: too many images are alike`);
  const checked =
    features === null
      ? null
      : await checkLabels(features, images, labels, data.train.classes, {
          ...settings,
          groups: foldGroups(images.length, groups),
          onFold: (done, total) => step("labels", done, total),
        });
  if (checked !== null && "note" in checked) notes.push(checked.note);
  const prints = read.map((sample) => (sample instanceof InceptionError ? null : sample.print));
  const found = {
    unreadable: read.flatMap((sample, index): readonly UnreadableImage[] =>
      sample instanceof InceptionError ? [{ ...at(images, index), reason: reasonOf(sample) }] : [],
    ),
    duplicates: groups.map((group) => namedGroup(group, images)),
    outliers: imageOutliers(prints, images),
    labels: checked !== null && "suspects" in checked ? checked : null,
  };
  const classes = classCounts(data);
  return {
    data: data.train.name,
    train: data.train.size,
    val: data.val?.size ?? 0,
    classes,
    counts: countFindings({ ...found, classes }),
    ...found,
    brightness: brightnessHistogram(prints),
    notes,
  };
}

/** Without the words before the fact, since the name of the image stands beside it. */
function reasonOf(error: InceptionError): string {
  return messageOf(error).replace(/^Cannot (?:decode image|open|read) ".*?": /, "");
}

/** All images by position: training, then validation. */
export function imagesOf({ train, val }: OpenedDataset): readonly CheckedImage[] {
  const part = (source: DatasetSource, split: "train" | "val", from: number): readonly CheckedImage[] =>
    Array.from({ length: source.size }, (_, i) => ({
      index: from + i,
      name: source.nameOf(i),
      className: at(source.classes, source.labelOf(i)),
      split,
    }));
  return [...part(train, "train", 0), ...(val === null ? [] : part(val, "val", train.size))];
}

async function readAll(
  host: CheckHost,
  { train, val }: OpenedDataset,
  images: readonly CheckedImage[],
  features: FeatureCollector | null,
  { signal, onProgress }: CheckSettings,
): Promise<readonly (ReadSample | InceptionError)[]> {
  const read: (ReadSample | InceptionError)[] = [];
  for (const { samples, size } of val === null ? [train] : [train, val]) {
    const reader = host.openSamples(samples);
    const first = read.length;
    try {
      for (let from = 0; from < size; from += READ_AT_ONCE) {
        const group = images.slice(first + from, first + Math.min(from + READ_AT_ONCE, size));
        const work = group.map(({ index }) => orError(() => readSample(host, reader, samples, index - first)));
        for (const [k, sample] of (await untilAborted(signal, Promise.all(work))).entries()) {
          // The error of an image may be the signal's own reason.
          throwIfAborted(signal);
          if (sample instanceof InceptionError) {
            read.push(sample);
            continue;
          }
          // Not the pixels: they were needed for this and for the features.
          const { image, ...kept } = sample;
          read.push(kept);
          await features?.add(at(group, k).index, image);
        }
        onProgress?.({ phase: "images", done: read.length, total: images.length });
        await host.pause();
      }
    } finally {
      await reader.close();
    }
  }
  await features?.flush();
  return read;
}

async function readSample(
  { platform }: CheckHost,
  reader: EncodedSamples,
  samples: SampleStore,
  index: number,
): Promise<ReadSample & { readonly image: Image }> {
  const encoded = await reader.read(index);
  const bytes = isImage(encoded) ? null : await platform.sha256(encoded);
  const image = await platform.decodeImage(encoded, { name: sampleName(samples, index) });
  const pixels = `${image.width}x${image.height} ${await platform.sha256(image.data)}`;
  return { bytes, pixels, print: fingerprint(image), image };
}

/** Copies of an image are in one fold: otherwise a wrong label would confirm itself. */
function foldGroups(count: number, groups: readonly DuplicateGroup[]): Uint32Array {
  const first = Uint32Array.from({ length: count }, (_, i) => i);
  for (const { images } of groups) for (const index of images) first[index] = at(images, 0);
  return first;
}

export function namedGroup(
  { images: members, links, leak, acrossClasses }: DuplicateGroup,
  images: readonly CheckedImage[],
): DuplicateImages {
  const named = ({ a, b, relation }: Link) => ({
    a: at(images, a),
    b: at(images, b),
    kind: relation.kind,
    mirrored: relation.kind === "near" && relation.mirrored,
    cropped: relation.kind === "near" && (relation.part.width < 1 || relation.part.height < 1),
    correlation: relation.kind === "near" ? relation.correlation : 1,
  });
  return { images: members.map((index) => at(images, index)), links: links.map(named), leak, acrossClasses };
}

/** What is measured of an image, and on which scale it is compared. */
const MEASURES: readonly {
  readonly measure: ImageOutlier["measure"];
  readonly of: (print: Fingerprint) => number;
  readonly logarithmic: boolean;
}[] = [
  { measure: "size", of: ({ width, height }) => width * height, logarithmic: true },
  { measure: "aspect ratio", of: ({ width, height }) => Math.max(width, height) / Math.min(width, height), logarithmic: true },
  { measure: "brightness", of: ({ brightness }) => brightness, logarithmic: false },
  { measure: "sharpness", of: ({ sharpness }) => sharpness, logarithmic: true },
];

/** Added before the logarithm, so that an image of one color, of sharpness 0, has one. */
const LEAST = 1e-3;

function imageOutliers(prints: readonly (Fingerprint | null)[], images: readonly CheckedImage[]): readonly ImageOutlier[] {
  return MEASURES.flatMap(({ measure, of, logarithmic }) => {
    const values = prints.map((print) => (print === null ? Number.NaN : of(print)));
    const scaled = logarithmic ? values.map((value) => Math.log(value + LEAST)) : values;
    const { median, outliers } = findOutliers(scaled);
    const typical = logarithmic ? Math.exp(median) - LEAST : median;
    return outliers.map(({ index, score }) => ({ ...at(images, index), measure, value: at(values, index), median: typical, score }));
  });
}

function brightnessHistogram(prints: readonly (Fingerprint | null)[]): readonly number[] {
  const counts = Array.from({ length: BRIGHTNESS_STEPS }, () => 0);
  for (const print of prints) {
    if (print !== null) counts[Math.min(BRIGHTNESS_STEPS - 1, Math.floor(print.brightness * BRIGHTNESS_STEPS))]! += 1;
  }
  return counts;
}

export function classCounts({ train, val }: OpenedDataset): ImageCheck["classes"] {
  return train.classes.map((name, k) => ({ name, train: countOf(train, k), val: countOf(val, k) }));
}

function countOf(source: DatasetSource | null, label: number): number {
  return source === null ? 0 : source.labels.reduce((count, each) => count + (each === label ? 1 : 0), 0);
}

export function countFindings(found: Pick<ImageCheck, "unreadable" | "duplicates" | "outliers" | "labels" | "classes">): CheckCounts {
  const { unreadable, duplicates, outliers, labels, classes } = found;
  const train = classes.map((each) => each.train);
  const inVal = (group: DuplicateImages): number => group.images.filter(({ split }) => split === "val").length;
  const kinds = ({ images }: DuplicateImages): number =>
    new Set(images.map(({ split, className }) => JSON.stringify([split, className]))).size;
  return {
    leaks: duplicates.reduce((sum, group) => sum + (group.leak ? inVal(group) : 0), 0),
    acrossClasses: duplicates.filter((group) => group.acrossClasses).length,
    copies: duplicates.reduce((sum, group) => sum + group.images.length - kinds(group), 0),
    unreadable: unreadable.length,
    outliers: new Set(outliers.map(({ index }) => index)).size,
    suspectLabels: labels?.suspects.length ?? 0,
    imbalance: Math.max(...train) > MAX_RATIO * Math.min(...train) ? 1 : 0,
  };
}
