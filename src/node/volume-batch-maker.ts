/** Makes one batch of patches after the other, in whichever thread it is called. */
import type { SkippedSample } from "../data/batch.js";
import { closedError, type Made, type Maker } from "../data/batches/stream.js";
import { randomStream, type SegmentationConfig } from "../data/index.js";
import { epochOrder } from "../data/shuffle.js";
import { NO_VOLUME_AUGMENTATION, type VolumeAugmentation } from "../data/volumes/augmentation.js";
import { centralPatch, choosePatch, cutPatch, type LabeledVolume, type Patch, voxelIndicesByClass } from "../data/volumes/patch.js";
import { prepareLabels, prepareVolume } from "../data/volumes/recipe.js";
import { InceptionError } from "../errors.js";
import type { VolumeBatch } from "../train/segmentation.js";
import { readCase, type VolumeCase } from "./datasets/volume-dataset.js";

/** All that decides the batches of patches, as plain data, so that every thread comes to the same ones. */
export interface VolumeBatchPlan {
  /** How messages name the dataset. */
  readonly name: string;
  readonly cases: readonly VolumeCase[];
  readonly recipe: SegmentationConfig;
  readonly batchSize: number;
  readonly seed: number;
  /** For training; null to measure: one patch of each case, around its foreground. */
  readonly training: PatchChoice | null;
  /** Most memory for prepared volumes that are kept, in bytes. */
  readonly cacheBytes: number;
}

interface PatchChoice {
  readonly patchesPerCase: number;
  /** Share of the patches that are cut around a voxel of a class. */
  readonly foregroundFraction: number;
  readonly augmentation: VolumeAugmentation;
}

interface CountedPatches {
  readonly cases: readonly unknown[];
  readonly training: Pick<PatchChoice, "patchesPerCase"> | null;
}

/** Patches of an epoch, `patchesPerCase` of each case; for measuring one. */
export function patchesOf({ cases, training }: CountedPatches): number {
  return cases.length * (training?.patchesPerCase ?? 1);
}

/** @param stopped - asked before each volume; when true, `make` rejects with SESSION_CLOSED */
export function openVolumeBatchMaker(plan: VolumeBatchPlan, stopped: () => boolean): Maker<VolumeBatch> {
  const volumes = openVolumeStore(plan, stopped);
  const shuffle = plan.training !== null;
  let order: { readonly epoch: number; readonly indices: Uint32Array } | null = null;
  return {
    make: (epoch, batch) => {
      if (order?.epoch !== epoch) order = { epoch, indices: epochOrder(patchesOf(plan), { seed: plan.seed, epoch, shuffle }) };
      return makeBatch(plan, volumes, order.indices, epoch, batch);
    },
    close: async () => volumes.clear(),
  };
}

interface VolumeStore {
  read(index: number): Promise<LabeledVolume | SkippedSample>;
  clear(): void;
}

/** Prepared volumes, of which as many are kept as there is room for; the longest unused goes first. */
function openVolumeStore(plan: VolumeBatchPlan, stopped: () => boolean): VolumeStore {
  const kept = new Map<number, LabeledVolume | SkippedSample>();
  let bytes = 0;
  const take = (index: number, volume: LabeledVolume | SkippedSample) => {
    kept.set(index, volume);
    bytes += bytesOf(volume);
    for (const [oldest, other] of kept) {
      if (bytes <= plan.cacheBytes || oldest === index) break;
      kept.delete(oldest);
      bytes -= bytesOf(other);
    }
  };
  return {
    read: async (index) => {
      if (stopped()) throw closedError(plan.name);
      const known = kept.get(index);
      if (known) {
        kept.delete(index);
        kept.set(index, known);
        return known;
      }
      const volume = await prepareCase(plan, index);
      take(index, volume);
      return volume;
    },
    clear: () => kept.clear(),
  };
}

function bytesOf(volume: LabeledVolume | SkippedSample): number {
  return "data" in volume ? volume.data.byteLength + volume.classes.byteLength : 0;
}

async function prepareCase({ cases, recipe }: VolumeBatchPlan, index: number): Promise<LabeledVolume | SkippedSample> {
  const chosen = cases[index];
  if (chosen === undefined) throw new RangeError(`Cannot read case ${index}`);
  try {
    const { channels, labels } = await readCase(chosen);
    const { data, grid } = prepareVolume(channels, recipe);
    const classes = prepareLabels(labels, recipe);
    if (classes.length * channels.length !== data.length) {
      const fact = `its image has ${data.length / channels.length} voxels, its labels have ${classes.length}`;
      throw new InceptionError("VOLUME_INVALID", `Cannot train on case "${chosen.id}": ${fact}`);
    }
    const places = voxelIndicesByClass(classes, recipe.labelValues.length);
    return { shape: grid.shape, data, channels: channels.length, classes, places };
  } catch (thrown) {
    // What is not about the files is a fault of this program or machine, and no reason to leave cases out.
    if (!(thrown instanceof InceptionError)) throw thrown;
    return { index, name: chosen.id, reason: thrown.message };
  }
}

async function makeBatch(
  plan: VolumeBatchPlan,
  volumes: VolumeStore,
  order: Uint32Array,
  epoch: number,
  batch: number,
): Promise<Made<VolumeBatch>> {
  const first = batch * plan.batchSize;
  const wanted = Math.min(plan.batchSize, order.length - first);
  const patches: Patch[] = [];
  const skipped = new Map<number, SkippedSample>();
  for (let position = first; position < first + wanted; position++) {
    const found = await readOrReplace(plan, volumes, order, position, skipped);
    if (found) patches.push(patchOf(plan, found.volume, found.index, epoch));
  }
  const [x, y, z] = plan.recipe.patchSize;
  const voxels = x * y * z;
  const channels = plan.recipe.normalization.length;
  const images = new Float32Array(patches.length * channels * voxels);
  const labels = new Int32Array(patches.length * voxels);
  for (const [row, patch] of patches.entries()) {
    images.set(patch.image, row * channels * voxels);
    labels.set(patch.labels, row * voxels);
  }
  return { batch: { images, labels, count: patches.length }, skipped: [...skipped.values()] };
}

interface Found {
  /** Of the patch in the epoch. */
  readonly index: number;
  readonly volume: LabeledVolume;
}

/** The case at a position of the epoch; for training the next one that can be read, otherwise null in its place. */
async function readOrReplace(
  { name, cases, training }: VolumeBatchPlan,
  volumes: VolumeStore,
  order: Uint32Array,
  position: number,
  skipped: Map<number, SkippedSample>,
): Promise<Found | null> {
  for (let tries = 0; tries < order.length; tries++) {
    const index = order[(position + tries) % order.length]!;
    const volume = await volumes.read(index % cases.length);
    if ("data" in volume) return { index, volume };
    skipped.set(volume.index, volume);
    if (training === null) return null;
  }
  throw new InceptionError("DATASET_INVALID", `Cannot read batches of "${name}": none of its ${cases.length} cases could be read`, {
    dataset: name,
  });
}

function patchOf({ recipe, seed, training }: VolumeBatchPlan, volume: LabeledVolume, index: number, epoch: number): Patch {
  const random = randomStream({ seed, purpose: "patch", epoch, index });
  if (training === null) return cutPatch(volume, centralPatch(volume, recipe.patchSize), recipe.patchSize, NO_VOLUME_AUGMENTATION, random);
  const start = choosePatch(volume, recipe.patchSize, training.foregroundFraction, random);
  return cutPatch(volume, start, recipe.patchSize, training.augmentation, random);
}
