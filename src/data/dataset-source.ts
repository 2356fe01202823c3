import type { Dataset } from "./batch.js";
import type { Image } from "./image.js";
import type { ImageInput } from "./image-input.js";
import { classesOfSample, type LabelSets, selectSets } from "./label-sets.js";

/** Where the samples of a dataset are: plain data that can be sent to another thread, which opens the samples itself. */
export type SampleStore =
  | {
      readonly kind: "files";
      /** Absolute folder that the files' names are relative to. */
      readonly root: string;
      readonly files: readonly string[];
    }
  | {
      readonly kind: "tar";
      /** Absolute paths. */
      readonly shards: readonly string[];
      readonly names: readonly string[];
      /** Per sample: index of its shard, and where the image's bytes lie in it. */
      readonly shard: Uint32Array;
      readonly offset: Float64Array;
      readonly length: Float64Array;
    }
  | {
      readonly kind: "shapes10";
      readonly split: "train" | "val";
      readonly seed: number;
      /** Side in pixels. */
      readonly side: number;
      readonly indices: Uint32Array;
      /** At most so many objects in an image; absent for one that fills it. */
      readonly objects?: number;
    }
  | { readonly kind: "images"; readonly images: readonly Image[]; readonly names: readonly string[] }
  /** As a caller gave them: `openBatches` of a platform makes plain data of what is none. */
  | { readonly kind: "inputs"; readonly inputs: readonly ImageInput[]; readonly names: readonly string[] };

/** A dataset together with where its images are: what `createBatchSource` reads. */
export interface DatasetSource extends Dataset {
  /** Class index per sample; see `labelOf`. */
  readonly labels: Int32Array;
  readonly samples: SampleStore;
}

/** Number of samples of a store. */
function sampleCount(samples: SampleStore): number {
  switch (samples.kind) {
    case "files":
      return samples.files.length;
    case "tar":
      return samples.shard.length;
    case "shapes10":
      return samples.indices.length;
    case "images":
      return samples.images.length;
    case "inputs":
      return samples.inputs.length;
  }
}

/** A sample that a program gave; undefined where the store has files. */
export function givenSample(samples: SampleStore, index: number): ImageInput | undefined {
  return samples.kind === "images" ? samples.images[index] : samples.kind === "inputs" ? samples.inputs[index] : undefined;
}

/** Name of a sample for people. */
export function sampleName(samples: SampleStore, index: number): string {
  switch (samples.kind) {
    case "files":
      return samples.files[index] ?? "";
    case "tar":
    case "images":
    case "inputs":
      return samples.names[index] ?? "";
    case "shapes10":
      return `shapes10/${samples.split}/${samples.indices[index] ?? ""}`;
  }
}

/** A dataset over a store; `given` holds one class index per sample, or several or none. */
export function datasetSource(
  name: string,
  classes: readonly string[],
  given: Int32Array | LabelSets,
  samples: SampleStore,
): DatasetSource {
  const size = sampleCount(samples);
  const labels = given instanceof Int32Array ? given : Int32Array.from({ length: size }, (_, i) => classesOfSample(given, i)[0] ?? -1);
  return {
    name,
    classes,
    size,
    labelOf: (index) => labels[index] ?? -1,
    ...(given instanceof Int32Array ? {} : { labelSets: given }),
    nameOf: (index) => sampleName(samples, index),
    labels,
    samples,
  };
}

/** The dataset of some of the samples, in the order of `indices`. */
export function selectSamples(source: DatasetSource, indices: ArrayLike<number>): DatasetSource {
  const chosen = Array.from(indices);
  const { labels, labelSets } = source;
  const kept = labelSets === undefined ? Int32Array.from(chosen, (i) => labels[i]!) : selectSets(labelSets, chosen);
  return datasetSource(source.name, source.classes, kept, selectStore(source.samples, chosen));
}

/** The store of some of the samples, in the order of `indices`. */
function selectStore(samples: SampleStore, indices: readonly number[]): SampleStore {
  switch (samples.kind) {
    case "files":
      return { ...samples, files: indices.map((i) => samples.files[i]!) };
    case "tar":
      return {
        ...samples,
        names: indices.map((i) => samples.names[i]!),
        shard: Uint32Array.from(indices, (i) => samples.shard[i]!),
        offset: Float64Array.from(indices, (i) => samples.offset[i]!),
        length: Float64Array.from(indices, (i) => samples.length[i]!),
      };
    case "shapes10":
      return { ...samples, indices: Uint32Array.from(indices, (i) => samples.indices[i]!) };
    case "images":
      return { ...samples, images: indices.map((i) => samples.images[i]!), names: indices.map((i) => samples.names[i]!) };
    case "inputs":
      return { ...samples, inputs: indices.map((i) => samples.inputs[i]!), names: indices.map((i) => samples.names[i]!) };
  }
}

/**
 * A dataset of images that are already decoded.
 *
 * @param samples image, class index and, for messages, a name of each sample
 *
 * @example
 * ```ts
 * import { imagesDataset, rgbImage } from "inceptionkit/data";
 * const gray = rgbImage(8, 8, new Uint8Array(192).fill(128));
 * const dataset = imagesDataset("two grays", ["dark", "light"], [{ image: gray, label: 1 }]);
 * dataset.nameOf(0); // "two grays/0"
 * ```
 */
export function imagesDataset(
  name: string,
  classes: readonly string[],
  samples: readonly { readonly image: Image; readonly label: number; readonly name?: string }[],
): DatasetSource {
  return datasetSource(
    name,
    classes,
    Int32Array.from(samples, (sample) => sample.label),
    {
      kind: "images",
      images: samples.map((sample) => sample.image),
      names: samples.map((sample, i) => sample.name ?? `${name}/${i}`),
    },
  );
}
