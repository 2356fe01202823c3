/** What is seen of images before they are trained on, without decoding them: a fraction of a second for thousands of files. */
import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import path from "node:path";
import { type ComparedImage, findDuplicates } from "../../check/duplicates.js";
import type { CheckCounts, CheckedImage, DuplicateImages } from "../../check/image-check.js";
import type { OpenedDataset } from "../../data/assemble.js";
import type { DatasetSource, SampleStore } from "../../data/dataset-source.js";
import { messageOf, orError } from "../../errors.js";
import { throwIfAborted } from "../../runtime/abort.js";
import type { CancelSignal } from "../../runtime/session.js";
import { classCounts, countFindings, imagesOf, namedGroup } from "../../tasks/check/check-dataset.js";
import { at } from "../../tensor/at.js";
import { formatCount } from "../../text.js";
import { openEncodedSamples } from "../datasets/sample-reader.js";

/** Faults of files, and of their division into classes. */
export interface DataFaults {
  readonly counts: Pick<CheckCounts, "leaks" | "acrossClasses" | "copies" | "unreadable" | "imbalance">;
  readonly empty: readonly CheckedImage[];
  readonly duplicates: readonly DuplicateImages[];
}

/** Files that are looked at at once. */
const AT_ONCE = 32;
/**
 * Only files of one size can be equal, and those of photographs rarely are. Of sets in which all are (bitmaps), no more is read than this,
 * which takes about a second.
 */
const MAX_HASHED_BYTES = 512 * 2 ** 20;
/** Names in a line. */
const NAMED = 3;

/**
 * Leaks and copies byte for byte, empty files, unequal classes. Files that cannot be read are left to training, which reports them.
 *
 * @throws what `signal` was aborted with
 */
export async function dataFaults(data: OpenedDataset, signal?: CancelSignal): Promise<DataFaults> {
  // Classes of an image that has several say nothing of its copies.
  const severalLabels = data.train.labelSets !== undefined;
  const images = imagesOf(data).map((image) => (severalLabels ? { ...image, className: "" } : image));
  const parts = [data.train, ...(data.val === null ? [] : [data.val])];
  const sizes = (await Promise.all(parts.map(({ samples }) => sampleSizes(samples)))).flat();
  throwIfAborted(signal);
  const hashes = await hashesOf(parts, sizes, signal);
  const compared = images.map(({ split, index }): ComparedImage => {
    const label = severalLabels
      ? 0
      : at(split === "train" ? data.train.labels : (data.val?.labels ?? []), split === "train" ? index : index - data.train.size);
    return { bytes: hashes.get(index) ?? null, pixels: null, print: null, label, part: split };
  });
  const duplicates = (await findDuplicates(compared)).groups.map((group) => namedGroup(group, images));
  const empty = images.filter(({ index }) => sizes[index] === 0);
  const unreadable = empty.map((image) => ({ ...image, reason: "it is empty" }));
  const classes = severalLabels ? [] : classCounts(data);
  return { counts: countFindings({ duplicates, unreadable, outliers: [], labels: null, classes }), empty, duplicates };
}

/** Bytes of each sample; null where that is not known without reading it. */
async function sampleSizes(samples: SampleStore): Promise<readonly (number | null)[]> {
  if (samples.kind === "tar") return Array.from(samples.length);
  if (samples.kind !== "files") return [];
  const { root, files } = samples;
  const sizes: (number | null)[] = [];
  for (let from = 0; from < files.length; from += AT_ONCE) {
    const group = files.slice(from, from + AT_ONCE).map((file) =>
      stat(path.resolve(root, file)).then(
        ({ size }) => size,
        () => null,
      ),
    );
    sizes.push(...(await Promise.all(group)));
  }
  return sizes;
}

/** SHA-256 of the files that have the size of another one, by position. */
async function hashesOf(
  parts: readonly DatasetSource[],
  sizes: readonly (number | null)[],
  signal: CancelSignal | undefined,
): Promise<ReadonlyMap<number, string>> {
  const withSize = new Map<number, number>();
  for (const size of sizes) if (size !== null && size > 0) withSize.set(size, (withSize.get(size) ?? 0) + 1);
  const hashes = new Map<number, string>();
  let [bytes, first] = [0, 0];
  for (const { samples, size: count } of parts) {
    const chosen = Array.from({ length: count }, (_, i) => i).filter((i) => {
      const size = sizes[first + i] ?? 0;
      const reads = (withSize.get(size) ?? 0) > 1 && bytes + size <= MAX_HASHED_BYTES;
      if (reads) bytes += size;
      return reads;
    });
    const reader = openEncodedSamples(samples, {});
    try {
      for (let from = 0; from < chosen.length; from += AT_ONCE) {
        throwIfAborted(signal);
        const group = chosen.slice(from, from + AT_ONCE);
        const found = await Promise.all(group.map((i) => orError(() => reader.read(i))));
        for (const [k, i] of group.entries()) {
          const encoded = found[k];
          if (encoded instanceof Uint8Array) hashes.set(first + i, createHash("sha256").update(encoded).digest("hex"));
        }
      }
    } finally {
      await reader.close();
    }
    first += count;
  }
  return hashes;
}

/** Lines for people; none where nothing was found. */
export function faultLines({ counts, empty, duplicates }: DataFaults): readonly string[] {
  const equal = ({ images }: DuplicateImages): string => images.map(({ name }) => messageOf(name)).join(" = ");
  const named = (names: readonly string[]): string => {
    const rest = names.length - NAMED;
    return `${names.slice(0, NAMED).join(", ")}${rest > 0 ? ` and ${formatCount(rest)} more` : ""}`;
  };
  const images = (count: number): string => `${formatCount(count)} ${count === 1 ? "image" : "images"}`;
  const lines = [
    ...(counts.leaks > 0
      ? [
          `${images(counts.leaks)} of validation also in training, so that accuracy looks better than it is: ${named(duplicates.filter(({ leak }) => leak).map(equal))}`,
        ]
      : []),
    ...(counts.acrossClasses > 0
      ? [`${images(counts.acrossClasses)} with two labels: ${named(duplicates.filter(({ acrossClasses }) => acrossClasses).map(equal))}`]
      : []),
    ...(counts.copies > 0 ? [`${formatCount(counts.copies)} ${counts.copies === 1 ? "copy" : "copies"} within a class`] : []),
    ...(empty.length > 0
      ? [`${formatCount(empty.length)} empty ${empty.length === 1 ? "file" : "files"}: ${named(empty.map(({ name }) => messageOf(name)))}`]
      : []),
    ...(counts.imbalance > 0 ? ["the largest class has more than 3 times as many training images as the smallest"] : []),
  ];
  return lines.length === 0
    ? []
    : [...lines.map((line) => `warning: ${line}`), "`inception check` also finds near copies, suspect labels and outliers"];
}

/** Cards of a report: name and value; none where nothing was found. */
export function faultFacts({ counts }: DataFaults): readonly (readonly [string, string])[] {
  const cards: readonly (readonly [string, number])[] = [
    ["validation images also in training", counts.leaks],
    ["images with two labels", counts.acrossClasses],
    ["copies within a class", counts.copies],
    ["empty files", counts.unreadable],
  ];
  return [
    ...cards.flatMap(([name, count]) => (count === 0 ? [] : [[name, formatCount(count)] as const])),
    ...(counts.imbalance === 0 ? [] : [["classes", "unequal: more than 3 to 1"] as const]),
  ];
}
