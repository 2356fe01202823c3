/// <reference lib="esnext.disposable" preserve="true" />

import { preparedShape, type SegmentationConfig, type Triple, type Volume, type VolumeGrid } from "../../data/index.js";
import { InceptionError, messageOf } from "../../errors.js";
import { NEVER_ABORTED, openUntilAborted } from "../../runtime/abort.js";
import { buffersOf } from "../../runtime/calls.js";
import type { Platform, SourceOptions, VolumeInput } from "../../runtime/platform.js";
import type { CancelSignal, SessionOptions } from "../../runtime/session.js";
import { heldValues } from "../../segment/accumulate.js";
import { type CaseWarning, checkInput, checkLabelVolumes, checkMirrorAxes, planWindows, segmentWindows } from "../../segment/index.js";
import { type SegmentedLabel, segmentedLabels } from "../../segment/labels.js";
import { formatCount } from "../../text.js";
import type { LoadedModel, ModelHost } from "../model-host.js";
import type { ModelSource } from "../model-source.js";
import { volumeName } from "../volume-input.js";
import type { CaseThread } from "./case-task.js";
import type { PostprocessingOptions } from "./clean.js";
import { openNetwork, type SegmentationNetwork, type SegmenterOptions, windowNetwork } from "./network.js";
import { type PreparedCase, readCase } from "./prepare-case.js";
import type { VolumeReader } from "./read-channels.js";
import { SegmentedCase, type SegmentedVolume } from "./segmented-case.js";

/** How one volume is segmented: sliding windows, test-time mirroring, postprocessing. */
export interface SegmentOptions extends PostprocessingOptions {
  /** Minimum overlap of neighboring windows, as a fraction in [0, 1). Default: 0.5. */
  readonly overlap?: number;
  /**
   * Axes of test-time mirroring: 0 (x), 1 (y) and 2 (z). With n axes the network runs 2ⁿ times per window. Only axes that training
   * mirrored are allowed (`recipe.mirrorAxes`). Default: none.
   */
  readonly mirrorAxes?: readonly number[];
  /** Reject cases that differ from the training cases with VOLUME_UNEXPECTED instead of listing `warnings`. Default: false. */
  readonly strict?: boolean;
  /** Also return one volume of probabilities per class. Default: false. */
  readonly probabilities?: boolean;
  /** Called with the numbers of finished and of all windows, first with 0, then after each window. It is awaited. */
  readonly onWindow?: (done: number, total: number) => void | Promise<void>;
  /** Ends the work: it rejects with `signal.reason`. */
  readonly signal?: CancelSignal;
}

/** A loaded segmentation model. Call `close()`, or declare it with `await using`, to release its memory. */
export interface Segmenter {
  readonly metadata: LoadedModel["metadata"];
  readonly recipe: SegmentationConfig;
  /** Classes in the model's order, background first. */
  readonly labels: readonly SegmentedLabel[];
  /** Window size in voxels along x, y and z, after reorienting to RAS and resampling; null if the network processes whole volumes. */
  readonly window: Triple | null;
  /** Device that the network runs on. */
  readonly device: LoadedModel["session"]["device"];
  /**
   * Segments one case.
   *
   * @param input - a NIfTI file with as many volumes as the model has channels, or a file for each channel; or voxels
   * @throws InceptionError as `readVolume`; FILE_UNSUPPORTED (another number of volumes), NOT_FINITE (infinite voxels, or no finite one;
   *   voxels that are NaN beside finite ones count as background), VOLUME_INVALID, IMAGE_LIMIT, OPTION_INVALID,
   *   SESSION_FAILED; VOLUME_UNEXPECTED with `strict`
   */
  segment(input: VolumeInput | readonly VolumeInput[], options?: SegmentOptions): Promise<SegmentedVolume>;
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Models that can be opened, and what performs long computations on volumes. */
export interface SegmentHost<F extends SourceOptions, P extends SessionOptions> {
  readonly models: ModelHost<F, P>;
  readonly inThread: CaseThread;
}

/**
 * Open a model to segment volumes with it.
 *
 * A volume is turned to RAS, resampled and normalized as the model says, cut into overlapping windows, and each window is run;
 * probabilities are averaged (see `segmentWindows`), and the classes of the largest ones are brought back to the grid of the
 * file. Memory: the volume as 32-bit numbers, its labels, what the network needs for one window, and
 * classes × window depth × plane double-precision values; with probabilities also classes × volume.
 *
 * @throws InceptionError OPTION_INVALID for a model that does not segment; as `openModel`
 */
export async function openSegmenter<F extends SourceOptions, P extends SessionOptions>(
  host: SegmentHost<F, P>,
  source: ModelSource,
  options: SegmenterOptions & F & P,
): Promise<Segmenter> {
  return openUntilAborted(options.signal, () => openWhole(host, source, options));
}

async function openWhole<F extends SourceOptions, P extends SessionOptions>(
  { models, inThread }: SegmentHost<F, P>,
  source: ModelSource,
  options: SegmenterOptions & F & P,
): Promise<Segmenter> {
  const network = await openNetwork(models, source, options);
  const reader = { platform: models.platform, sources: { ...options, signal: NEVER_ABORTED } };
  const { session, metadata, recipe, window } = network;
  const labels = segmentedLabels(recipe.labelValues, metadata.labels);
  return {
    metadata,
    recipe,
    labels,
    window,
    device: session.device,
    segment: (input, given = {}) =>
      segmentCase({ network, known: labels, reader, inThread, platform: models.platform }, Array.isArray(input) ? input : [input], given),
    close: () => session.close(),
    [Symbol.asyncDispose]: () => session.close(),
  };
}

/** What segments cases. */
interface CaseContext<F extends SourceOptions> {
  readonly network: SegmentationNetwork;
  readonly known: readonly SegmentedLabel[];
  readonly reader: VolumeReader<F>;
  readonly inThread: CaseThread;
  readonly platform: Pick<Platform, "encodePng">;
}

async function segmentCase<F extends SourceOptions>(
  { network, known, reader, inThread, platform }: CaseContext<F>,
  input: readonly VolumeInput[],
  options: SegmentOptions,
): Promise<SegmentedVolume> {
  const { recipe, metadata } = network;
  checkSegmentOptions(network, options);
  const { header, image, outside, channels } = await readCase(reader, input, recipe.normalization.length, (file, grid) =>
    checkSizes(network, file, grid, options),
  );
  const [original] = channels;
  const atInput = recipe.training === undefined ? null : checkInput(recipe.training, channels, recipe);
  if (options.strict) refuseUnexpected(input, atInput ?? []);
  const prepared = await inThread.prepare({ channels, recipe, raw: metadata.rawInput }, image.data.length);
  const { largestComponent = false, fillHoles = false } = options;
  const windows = await runWindows(network, prepared, options);
  const finish = {
    ...windows,
    grid: prepared.grid,
    original: { shape: original.shape, affine: original.affine },
    outside,
    labelValues: recipe.labelValues,
    labels: known,
    cleaning: { largestComponent, fillHoles },
  };
  const { labels, measured, probabilities } = await inThread.finish(finish, image.data.length, buffersOf(windows));
  const atResult = recipe.training === undefined ? [] : checkLabelVolumes(recipe.training, measured);
  if (options.strict) refuseUnexpected(input, atResult);
  const atHome = (volume: Volume): Volume => ({ ...volume, affine: image.affine, spacing: image.spacing });
  const data = {
    labels: atHome(labels),
    header,
    image,
    labelStatistics: measured,
    probabilities: probabilities?.map(atHome) ?? null,
    warnings: atInput === null ? null : [...atInput, ...atResult],
  };
  const normalization = recipe.normalization[0] ?? { name: "z_score", region: "all" };
  return new SegmentedCase(data, { image: original, labels, classes: known, normalization }, platform);
}

/**
 * Checks what is wrong for every case alike: axes that the model was not trained to be mirrored along, and `strict` for a model
 * that records nothing to compare with.
 *
 * @throws InceptionError OPTION_INVALID
 */
export function checkSegmentOptions(
  { recipe, metadata }: Pick<Segmenter, "recipe" | "metadata">,
  options: Pick<SegmentOptions, "mirrorAxes" | "strict">,
): void {
  checkMirrorAxes(recipe, options.mirrorAxes ?? [], metadata.model);
  if (!options.strict || recipe.training !== undefined) return;
  const message = `Cannot check cases for "${metadata.model}": the model records no statistics of its training cases; segment it without \`strict\``;
  throw new InceptionError("OPTION_INVALID", message, { model: metadata.model });
}

function refuseUnexpected(input: readonly VolumeInput[], warnings: readonly CaseWarning[]): void {
  if (warnings.length === 0) return;
  const [file = ""] = input.map(volumeName);
  const facts = warnings.map(({ message }) => message).join("; ");
  throw new InceptionError("VOLUME_UNEXPECTED", `Cannot segment "${messageOf(file)}": ${facts}`, { file, warnings });
}

/** With 64 channels at every voxel this is 1 GB for one map; a larger volume needs windows. */
const MAX_WHOLE_VOXELS = 2 ** 22;

function runWindows(network: SegmentationNetwork, { data, grid, padValue, statistics }: PreparedCase, options: SegmentOptions) {
  const { overlap, mirrorAxes, probabilities, onWindow, signal } = options;
  const window = network.window ?? grid.shape;
  const plan = planWindows(grid.shape, window, overlap === undefined ? {} : { overlap });
  return segmentWindows(windowNetwork(network, window, statistics, signal), data, plan, {
    padValue,
    ...(mirrorAxes === undefined ? {} : { mirrorAxes }),
    ...(probabilities === undefined ? {} : { probabilities }),
    ...(onWindow === undefined ? {} : { onWindow }),
  });
}

/**
 * Checks all sizes that follow from a header, before voxels are unpacked: of the resampled volume, of its windows, and of what is
 * held between them.
 *
 * @throws InceptionError IMAGE_LIMIT, VOLUME_INVALID, OPTION_INVALID, naming the file
 */
function checkSizes({ recipe, window }: SegmentationNetwork, file: string, grid: VolumeGrid, { overlap }: SegmentOptions): void {
  try {
    const shape = preparedShape(grid, recipe);
    if (window === null) checkWhole(shape);
    const plan = planWindows(shape, window ?? shape, overlap === undefined ? {} : { overlap });
    heldValues(plan, recipe.labelValues.length);
  } catch (thrown) {
    if (!(thrown instanceof InceptionError)) throw thrown;
    const fact = thrown.message.replace(/^Cannot [^:]*?( after padding)?: /, (_, padded?: string) => (padded ? "after padding its " : ""));
    throw new InceptionError(thrown.code, `Cannot segment "${messageOf(file)}": ${fact}`, { ...thrown.details, file }, { cause: thrown });
  }
}

function checkWhole(shape: Triple): void {
  if (shape[0] * shape[1] * shape[2] <= MAX_WHOLE_VOXELS) return;
  const fact = `it has ${shape.join(" x ")} voxels and the model processes whole volumes`;
  const message = `Cannot segment a volume: ${fact}, the limit is ${formatCount(MAX_WHOLE_VOXELS)} voxels; use a model with a patch size`;
  throw new InceptionError("IMAGE_LIMIT", message, { shape, limit: MAX_WHOLE_VOXELS });
}
