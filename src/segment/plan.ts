/** From what cases are like to how a network is trained on them: rules, each with its reason, and what a person may decide instead. */
import type { Normalization, SegmentationConfig, Triple } from "../data/index.js";
import { InceptionError } from "../errors.js";
import type { Fingerprint } from "./fingerprint.js";

/** Overrides of the training plan; null keeps the planned value. */
export interface PlanOverrides {
  /** Millimeters. */
  readonly spacing: Triple | null;
  /** Voxels to the right, the front and the top. */
  readonly patchSize: Triple | null;
  /** Patches that run together. */
  readonly batchSize: number | null;
  /** Names of the channels. "CT" selects the intensity normalization of Hounsfield units. */
  readonly channels: readonly string[];
}

/** Preprocessing, patch size and batch size planned from the statistics of a dataset. */
export interface SegmentationPlan {
  readonly recipe: SegmentationConfig;
  readonly batchSize: number;
  /** Median voxels of a case after resampling. */
  readonly medianShape: Triple;
}

/** The network halves its maps three times. */
const MULTIPLE = 8;
/** A patch of 64³: what the network was described for, and what two cores train on at about a step a second. */
const MAX_PATCH_VOXELS = 64 ** 3;
/** Voxels of a batch; more make a step slower without making it better. */
const BATCH_VOXELS = 400_000;
/** A batch normalization wants several patches; nnU-Net's least is 2. */
const [MIN_BATCH, MAX_BATCH] = [2, 16];
/** Spacings that differ by less are one. */
const SAME_SPACING = 0.01;

/**
 * Plans training.
 *
 * Spacing: none is changed where all cases share it, otherwise the median of each axis. Patch: the median size, up to whole
 * multiples of 8, cut along its longest axis until it has at most 64³ voxels. Batch: what fits into 400,000 voxels.
 * Intensities: of a channel named CT a window from the 0.5th to the 99.5th percentile of the foreground, of all others mean
 * 0 and deviation 1 for each volume.
 *
 * @throws InceptionError DATASET_INVALID for fewer than two label values, or none that is 0
 */
export function planTraining(fingerprint: Fingerprint, choices: PlanOverrides): SegmentationPlan {
  const labelValues = fingerprint.labels.map(({ value }) => value);
  if (labelValues.length < 2 || !labelValues.includes(0)) {
    const fact = `the label values are ${labelValues.join(", ")}, expected 0 for the background and at least one other`;
    throw new InceptionError("DATASET_INVALID", `Cannot plan training: ${fact}`, { labelValues });
  }
  const spacing = choices.spacing ?? plannedSpacing(fingerprint);
  const medianShape = resampledShape(fingerprint, spacing);
  const patchSize = choices.patchSize ?? plannedPatch(medianShape);
  const voxels = patchSize[0] * patchSize[1] * patchSize[2];
  return {
    recipe: {
      spacing,
      normalization: fingerprint.intensities.map((_, channel) => normalizationOf(fingerprint, channel, choices.channels[channel] ?? "")),
      patchSize,
      labelValues: [0, ...labelValues.filter((value) => value !== 0)],
    },
    batchSize: choices.batchSize ?? Math.min(Math.max(Math.floor(BATCH_VOXELS / voxels), MIN_BATCH), MAX_BATCH),
    medianShape,
  };
}

function plannedSpacing({ spacing: { min, median, max } }: Fingerprint): Triple | null {
  const same = min.every((least, axis) => (max[axis] ?? 0) / least - 1 < SAME_SPACING);
  return same ? null : median;
}

function resampledShape({ shape, spacing }: Fingerprint, target: Triple | null): Triple {
  const along = (axis: 0 | 1 | 2): number => {
    const factor = target === null ? 1 : spacing.median[axis] / target[axis];
    return Math.max(1, Math.round(shape.median[axis] * factor));
  };
  return [along(0), along(1), along(2)];
}

function plannedPatch(median: Triple): Triple {
  const patch = median.map((size) => Math.max(MULTIPLE, Math.ceil(size / MULTIPLE) * MULTIPLE));
  while (patch.reduce((product, size) => product * size, 1) > MAX_PATCH_VOXELS) {
    const longest = patch.indexOf(Math.max(...patch));
    patch[longest] = (patch[longest] ?? MULTIPLE) - MULTIPLE;
  }
  const [x = MULTIPLE, y = MULTIPLE, z = MULTIPLE] = patch;
  return [x, y, z];
}

function normalizationOf({ foreground }: Fingerprint, channel: number, name: string): Normalization {
  const [low, high] = foreground?.[channel] ?? [0, 0];
  if (name.toUpperCase() !== "CT" || !(high > low)) return { name: "z_score", region: "all" };
  return { name: "ct_window", center: (low + high) / 2, width: high - low };
}
