import { InceptionError } from "../../errors.js";
import { affineSpacing } from "../../formats/nifti-affine.js";
import { isRecord } from "../is-record.js";
import { clipPercentiles, ctWindow, type Normalization, zScore } from "./intensity.js";
import { fromRas, rasGrid, sameGrid, toRas } from "./orientation.js";
import { resampleToGrid, resampleToSpacing, shapeAtSpacing } from "./resample.js";
import { readTrainingStatistics, type TrainingStatistics } from "./training-statistics.js";
import { createVolume, type Triple, type Volume, type VolumeGrid } from "./volume.js";

/** How volumes become the input of a segmentation network and its classes labels again. Part of every model that segments. */
export interface SegmentationConfig {
  /** Millimeters between voxels to the right, the front and the top that images are resampled to; null: their own. */
  readonly spacing: Triple | null;
  /** One for each channel of the input. */
  readonly normalization: readonly Normalization[];
  /** Voxels along x, y and z that the network was trained on and runs on at once. */
  readonly patchSize: Triple;
  /** The value in label volumes of each class; the first is the background's. */
  readonly labelValues: readonly number[];
  /** Axes along which training mirrored patches: 0 for x, 1 for y, 2 for z. Only these may be mirrored again. Absent: not recorded. */
  readonly mirrorAxes?: readonly number[];
  /** Statistics of the training cases, with which inputs are compared. Absent: not recorded. */
  readonly training?: TrainingStatistics;
}

/** Network input and the grid of its result. */
export interface PreparedVolume {
  /** [channels, z, y, x], x fastest. */
  readonly data: Float32Array;
  /** Of the turned and resampled volume. */
  readonly grid: VolumeGrid;
}

/**
 * Turns to RAS, resample linearly, normalize.
 *
 * @param channels - one volume for each entry of `normalization`, all on one grid
 * @throws InceptionError VOLUME_INVALID (another number of channels, other sizes), OPTION_INVALID (a spacing that gives too many voxels)
 *
 * @example
 * ```ts
 * import { createVolume, prepareVolume } from "inceptionkit/data";
 * const normalization = [{ name: "z_score", region: "all" }] as const;
 * const recipe = { spacing: null, normalization, patchSize: [8, 8, 8], labelValues: [0, 1] } as const;
 * [...prepareVolume([createVolume([2, 1, 1], Int16Array.of(3, 5))], recipe).data]; // [-1, 1]
 * ```
 */
export function prepareVolume(channels: readonly Volume[], recipe: SegmentationConfig): PreparedVolume {
  const aligned = alignVolumes(channels, recipe);
  return joinChannels(aligned.map((volume, index) => normalize(volume, recipe.normalization[index] ?? Z_SCORE)));
}

/**
 * What {@link prepareVolume} does before it normalizes: turn to RAS, resample linearly.
 *
 * @returns one for each channel, on one grid
 * @throws InceptionError as `prepareVolume`
 */
export function alignVolumes(
  channels: readonly Volume[],
  recipe: Pick<SegmentationConfig, "spacing" | "normalization">,
): readonly Volume[] {
  const { spacing, normalization } = recipe;
  const [first] = channels;
  if (first === undefined || channels.length !== normalization.length) {
    const fact = `there are ${channels.length} channels, expected ${normalization.length}`;
    throw new InceptionError("VOLUME_INVALID", `Cannot preprocess a volume: ${fact}`, { channels: channels.length });
  }
  const other = channels.find(({ shape }) => shape.some((size, axis) => size !== first.shape[axis]));
  if (other) {
    const fact = `its channels have ${first.shape.join(" x ")} and ${other.shape.join(" x ")} voxels, expected one size`;
    throw new InceptionError("VOLUME_INVALID", `Cannot preprocess a volume: ${fact}`, { shapes: channels.map(({ shape }) => shape) });
  }
  return channels.map((channel) => {
    const turned = toRas(channel);
    return spacing === null || sameSpacing(turned, spacing) ? turned : resampleToSpacing(turned, spacing, "linear");
  });
}

/**
 * Resampling may multiply the voxels of a volume by this much, which is four times along each axis. A header that asks for more
 * has its unit or its spacing wrong: 8,000 voxels that lie 40 mm apart would become 512 million at 1 mm.
 */
const MAX_RESAMPLED_GROWTH = 64;
/** Growth up to this many voxels, 256³, is harmless. */
const HARMLESS_VOXELS = 2 ** 24;

/**
 * Computes the sizes that {@link prepareVolume} gives, without voxels, so that they can be checked before any are read.
 *
 * @throws InceptionError VOLUME_INVALID, OPTION_INVALID as `prepareVolume`; IMAGE_LIMIT where resampling multiplies the voxels by more than 64
 */
export function preparedShape(grid: VolumeGrid, { spacing }: Pick<SegmentationConfig, "spacing">): Triple {
  const turned = rasGrid(grid);
  if (spacing === null || sameSpacing({ spacing: affineSpacing(turned.affine) }, spacing)) return turned.shape;
  const shape = shapeAtSpacing(turned, spacing);
  const [before, after] = [turned.shape, shape].map(([x, y, z]) => x * y * z) as [number, number];
  if (after <= Math.max(HARMLESS_VOXELS, before * MAX_RESAMPLED_GROWTH)) return shape;
  const [from, to] = [turned.shape.join(" x "), shape.join(" x ")];
  const fact = `${from} voxels become ${to} at ${spacing.join(" x ")} mm, the limit is ${MAX_RESAMPLED_GROWTH} times as many`;
  throw new InceptionError("IMAGE_LIMIT", `Cannot resample a volume: ${fact}`, { shape: turned.shape, resampled: shape });
}

/**
 * Joins volumes on one grid to the channels of one input, one after the other. The values of a single float32 volume are shared, not copied.
 *
 * @param volumes - at least one
 * @throws RangeError for no volumes
 */
export function joinChannels(volumes: readonly Volume[]): PreparedVolume {
  const [first] = volumes;
  if (first === undefined) throw new RangeError("Cannot join 0 channels");
  const { shape, affine } = first;
  if (volumes.length === 1 && first.data instanceof Float32Array) return { data: first.data, grid: { shape, affine } };
  const voxels = shape[0] * shape[1] * shape[2];
  const data = new Float32Array(voxels * volumes.length);
  for (const [index, volume] of volumes.entries()) data.set(volume.data, index * voxels);
  return { data, grid: { shape, affine } };
}

const Z_SCORE: Normalization = { name: "z_score", region: "all" };

/** Resampling by less than this part of a voxel would change nothing but the last bits. */
const SAME_SPACING = 1e-3;

function sameSpacing({ spacing }: Pick<Volume, "spacing">, wanted: Triple): boolean {
  return spacing.every((length, axis) => Math.abs(length / wanted[axis as 0 | 1 | 2] - 1) < SAME_SPACING);
}

function normalize(volume: Volume, normalization: Normalization): Volume {
  switch (normalization.name) {
    case "z_score":
      return zScore(volume, normalization.region);
    case "percentiles": {
      const { lower, upper, region } = normalization;
      return zScore(clipPercentiles(volume, lower, upper, region), region);
    }
    case "ct_window":
      return ctWindow(volume, normalization.center, normalization.width);
  }
}

/**
 * Prepares the label map of a prepared volume: reoriented and resampled with it, with class indices instead of label values.
 *
 * @returns [z, y, x], x fastest
 * @throws InceptionError VOLUME_INVALID for a value that is none of `labelValues`
 */
export function prepareLabels(labels: Volume, recipe: Pick<SegmentationConfig, "spacing" | "labelValues">): Uint16Array {
  const { spacing, labelValues } = recipe;
  const turned = toRas(labels);
  const { data } = spacing === null || sameSpacing(turned, spacing) ? turned : resampleToSpacing(turned, spacing, "label-linear");
  const classes = new Map(labelValues.map((value, index) => [value, index]));
  return Uint16Array.from(data, (value) => {
    const index = classes.get(value);
    if (index !== undefined) return index;
    const message = `Cannot use a label map: it contains the value ${value}, expected one of ${labelValues.join(", ")}`;
    throw new InceptionError("VOLUME_INVALID", message, { value, labelValues });
  });
}

/**
 * Brings class indices back to the grid of the file they were made from, as label values.
 *
 * @param classes - [z, y, x] on the prepared grid, x fastest
 * @param original - of the file, before it was prepared
 * @returns of 8-bit elements where the values fit, otherwise of 16 or 32 bit
 * @throws InceptionError VOLUME_INVALID where the grid was not made from `original`
 */
export function restoreLabels(classes: Uint16Array, grid: VolumeGrid, original: VolumeGrid, labelValues: readonly number[]): Volume {
  const values = emptyLabels(labelValues, classes.length);
  for (let i = 0; i < classes.length; i++) values[i] = labelValues[classes[i] ?? 0] ?? 0;
  const labels = createVolume(grid.shape, values, grid.affine);
  const turned = rasGrid(original);
  return fromRas(sameGrid(labels, turned) ? labels : resampleToGrid(labels, turned, "label-linear"), original);
}

function emptyLabels(values: readonly number[], length: number): Uint8Array | Int16Array | Int32Array {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  if (low >= 0 && high < 2 ** 8) return new Uint8Array(length);
  return low >= -(2 ** 15) && high < 2 ** 15 ? new Int16Array(length) : new Int32Array(length);
}

/** More axes of channels, or classes, than any data set has; a file that asks for more is not one. */
const MAX_CHANNELS = 1024;
const MAX_CLASSES = 65_536;

/**
 * Reads preprocessing from untrusted JSON, such as the metadata of a model file.
 *
 * @param place - how the message names where the value was found
 * @throws InceptionError OPTION_INVALID naming the field
 */
export function parseSegmentationConfig(value: unknown, place: string): SegmentationConfig {
  const fail = (field: string, expected: string): never => {
    throw new InceptionError("OPTION_INVALID", `Cannot read the segmentation configuration of ${place}: ${field} is not ${expected}`, {
      place,
      field,
    });
  };
  const given = isRecord(value) ? value : fail("the value", "an object");
  const { spacing, normalization, patchSize, labelValues, mirrorAxes, training } = given;
  const positive = (size: number): boolean => Number.isFinite(size) && size > 0;
  const normalizations = Array.isArray(normalization) ? normalization.map(readNormalization) : [];
  const read = normalizations.filter((each) => each !== null);
  if (read.length === 0 || read.length > MAX_CHANNELS || read.length < normalizations.length) {
    fail("normalization", "a list of z_score, percentiles or ct_window with their parameters");
  }
  const patch = tripleOf(patchSize) ?? fail("patchSize", "three sizes");
  if (!patch.every((size) => Number.isSafeInteger(size) && size > 0)) fail("patchSize", "three positive integers");
  const length = spacing === null ? null : (tripleOf(spacing) ?? fail("spacing", "three lengths or null"));
  if (length !== null && !length.every(positive)) fail("spacing", "three positive lengths or null");
  if (
    !isIntegers(labelValues) ||
    labelValues.length < 2 ||
    labelValues.length > MAX_CLASSES ||
    new Set(labelValues).size < labelValues.length
  ) {
    return fail("labelValues", "a list of at least two different integers");
  }
  if (mirrorAxes !== undefined && !isAxes(mirrorAxes)) return fail("mirrorAxes", "a list of 0, 1 and 2");
  const described = { channels: read.length, labels: labelValues.length - 1 };
  const statistics = training === undefined ? undefined : readTrainingStatistics(training, described);
  if (statistics === null) return fail("training", "statistics of its channels and labels");
  return {
    spacing: length,
    normalization: read,
    patchSize: patch,
    labelValues,
    ...(mirrorAxes === undefined ? {} : { mirrorAxes }),
    ...(statistics === undefined ? {} : { training: statistics }),
  };
}

function isAxes(value: unknown): value is readonly number[] {
  return isIntegers(value) && value.every((axis) => axis >= 0 && axis <= 2);
}

function isIntegers(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((each) => Number.isInteger(each) && Math.abs(Number(each)) < 2 ** 31);
}

function tripleOf(value: unknown): Triple | null {
  if (!Array.isArray(value) || value.length !== 3 || !value.every((each) => typeof each === "number")) return null;
  const [x = 0, y = 0, z = 0] = value.map(Number);
  return [x, y, z];
}

function readNormalization(value: unknown): Normalization | null {
  if (!isRecord(value)) return null;
  // Files from before 0.2 spell the key "centre".
  const { name, lower, upper, center = value.centre, width } = value;
  const region = value.region === "nonzero" ? "nonzero" : "all";
  if (name === "z_score") return { name, region };
  if (name === "percentiles" && isNumber(lower) && isNumber(upper) && lower >= 0 && lower <= upper && upper <= 100) {
    return { name, lower, upper, region };
  }
  return name === "ct_window" && isNumber(center) && isNumber(width) && width > 0 ? { name, center, width } : null;
}

function isNumber(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
}
