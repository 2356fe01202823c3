/**
 * Whether a case looks like those that a model was trained on: its input before the network runs, its label volumes after.
 *
 * Each measurement is compared with its range over the training cases, widened by the margin that the table below states with
 * its reason. The margins are wide: they find another organ, field of view or modality, not a bad scan of the right kind.
 */
import {
  type Distribution,
  orientationOf,
  type SegmentationConfig,
  type TrainingStatistics,
  type Triple,
  type Volume,
} from "../data/index.js";
import { intensityProfile, LEVELS, relativeLevels } from "../data/volumes/training-statistics.js";

/** Codes of warnings about a case. */
export const CASE_WARNING_CODES = ["field-of-view", "voxel-spacing", "constant-voxels", "intensity", "label-volume"] as const;
/** Kind of a case warning. */
export type CaseWarningCode = (typeof CASE_WARNING_CODES)[number];

/** A measurement of a case outside the range of the training cases. */
export interface CaseWarning {
  readonly code: CaseWarningCode;
  /** One line. */
  readonly message: string;
  readonly measured: number;
  /** Accepted range: that of the training cases with a margin. */
  readonly accepted: readonly [low: number, high: number];
  /** Lowest and highest of the training cases. */
  readonly trained: readonly [low: number, high: number];
}

/** Fields of view up to half as large again, or two thirds, are other crops of the same; a head around a hippocampus is four times as large. */
const EXTENT_FACTOR = 1.5;
/** Without resampling, a spacing is a scale: training scales patches by up to 1.25 (`VOLUME_AUGMENTATION`). */
const SPACING_FACTOR = 1.25;
/** With resampling it is a resolution: voxels twice as long hold an eighth of the detail. */
const RESAMPLED_SPACING_FACTOR = 2;
/**
 * Percentiles may lie outside by the width of their range, so that the ranges of a few training cases do not reject the next, and
 * by at least a quarter of a standard deviation, or of a window of Hounsfield units.
 */
const MIN_LEVEL_MARGIN = 0.25;
/** Of the voxels: air or padding around what is to be segmented. */
const LOWEST_MARGIN = 0.25;
/** A structure with less than half the volume of the smallest, or more than twice that of the largest. */
const LABEL_FACTOR = 2;

const AXES = ["x", "y", "z"] as const;

/** One comparison. */
interface Check {
  readonly what: string;
  readonly unit: string;
  readonly measured: number;
  readonly trained: Distribution;
  readonly accepted: readonly [low: number, high: number];
}

/**
 * Compares an input with the training cases, by size, spacing and intensities: at most one warning for each code, about the
 * measurement that is farthest outside.
 *
 * @param channels - as read, all on one grid, with affines in millimeters
 * @throws InceptionError VOLUME_INVALID
 */
export function checkInput(
  training: TrainingStatistics,
  channels: readonly Volume[],
  { spacing, normalization }: Pick<SegmentationConfig, "spacing" | "normalization">,
): readonly CaseWarning[] {
  const [first] = channels;
  if (first === undefined) return [];
  const [steps, sizes] = [alongWorld(first, first.spacing), alongWorld(first, first.shape)];
  const factor = spacing === null ? SPACING_FACTOR : RESAMPLED_SPACING_FACTOR;
  const along = (axis: 0 | 1 | 2, what: string, measured: number, trained: Distribution | undefined, margin: number): Check[] =>
    trained === undefined
      ? []
      : [{ what: `${what} along ${AXES[axis]}`, unit: " mm", measured, trained, accepted: [trained.min / margin, trained.max * margin] }];
  const axes = [0, 1, 2] as const;
  const intensities = channels.flatMap((channel, index) => intensityChecks(training, channel, index, normalization[index]));
  return [
    ...worst(
      "field-of-view",
      axes.flatMap((axis) => along(axis, "field of view", sizes[axis] * steps[axis], training.extent[axis], EXTENT_FACTOR)),
    ),
    ...worst(
      "voxel-spacing",
      axes.flatMap((axis) => along(axis, "voxel spacing", steps[axis], training.spacing[axis], factor)),
    ),
    ...worst(
      "constant-voxels",
      intensities.map(({ lowest }) => lowest),
    ),
    ...worst(
      "intensity",
      intensities.flatMap(({ levels }) => levels),
    ),
  ];
}

/** What belongs to the axes of a volume, in the order of the world's. */
function alongWorld({ affine }: Volume, values: Triple): Triple {
  const orientation = orientationOf(affine);
  const at = (world: number): number => values.find((_, axis) => orientation[axis]?.world === world) ?? 1;
  return [at(0), at(1), at(2)];
}

function intensityChecks(
  { intensities }: TrainingStatistics,
  volume: Volume,
  index: number,
  normalization: SegmentationConfig["normalization"][number] | undefined,
): readonly { readonly lowest: Check; readonly levels: readonly Check[] }[] {
  const trained = intensities[index];
  if (trained === undefined || normalization === undefined) return [];
  const profile = intensityProfile(volume);
  const place = intensities.length === 1 ? "" : ` of channel ${index + 1}`;
  const scale = normalization.name === "ct_window" ? "intensity window" : "standard deviation";
  const levels = relativeLevels(profile, normalization).flatMap((measured, at): Check[] => {
    const range = trained.levels[at];
    if (range === undefined) return [];
    const margin = Math.max(range.max - range.min, MIN_LEVEL_MARGIN);
    const what = `${LEVELS[at]}th percentile of the intensities${place}, in units of the ${scale},`;
    return [{ what, unit: "", measured, trained: range, accepted: [range.min - margin, range.max + margin] }];
  });
  const lowest = {
    what: `fraction of voxels with the lowest intensity${place}`,
    unit: "",
    measured: profile.lowest,
    trained: trained.lowest,
    accepted: [0, Math.min(1, trained.lowest.max + LOWEST_MARGIN)] as const,
  };
  return [{ lowest, levels }];
}

/**
 * Compares the volumes of a result with those of the training cases.
 *
 * @param labels - name and cubic millimeters of each label but the background, in the order of the recipe
 */
export function checkLabelVolumes(
  { labelVolumes }: TrainingStatistics,
  labels: readonly { readonly name: string; readonly mm3: number }[],
): readonly CaseWarning[] {
  return labels.flatMap(({ name, mm3 }, index) => {
    const trained = labelVolumes[index];
    if (trained === undefined) return [];
    const accepted = [trained.min / LABEL_FACTOR, trained.max * LABEL_FACTOR] as const;
    return worst("label-volume", [{ what: `volume of ${name}`, unit: " mm³", measured: mm3, trained, accepted }]);
  });
}

/** The check that is farthest outside, in widths of what is accepted. */
function worst(code: CaseWarningCode, checks: readonly Check[]): readonly CaseWarning[] {
  const outside = checks.map((check) => ({ check, by: distanceOutside(check) })).filter(({ by }) => by > 0);
  const [most] = outside.toSorted((a, b) => b.by - a.by);
  if (most === undefined) return [];
  const { what, unit, measured, trained, accepted } = most.check;
  const [low, high] = accepted.map(rounded);
  const seen = trained.min === trained.max ? rounded(trained.min) : `${rounded(trained.min)} to ${rounded(trained.max)}`;
  const message = `${what} is ${rounded(measured)}${unit}, expected ${low} to ${high} (training cases: ${seen})`;
  return [{ code, message, measured, accepted, trained: [trained.min, trained.max] }];
}

function distanceOutside({ measured, accepted: [low, high] }: Check): number {
  const beyond = Math.max(low - measured, measured - high);
  return beyond <= 0 ? 0 : beyond / Math.max(high - low, Number.MIN_VALUE);
}

/** Three digits; powers of ten where a number is far from 1. */
function rounded(value: number): string {
  const short = Number(value.toPrecision(3));
  const plain = short === 0 || (Math.abs(short) >= 1e-4 && Math.abs(short) < 1e9);
  return plain ? short.toLocaleString("en-US", { maximumFractionDigits: 6 }) : String(short);
}
