import { percentile } from "../data/volumes/percentile.js";
import { InceptionError } from "../errors.js";
import { type SurfaceDistances, surfaceDistances } from "./surface.js";
import {
  type Box,
  checkLabel,
  checkLabelVolume,
  formatTriple,
  type LabelExtent,
  type LabelVolume,
  labelExtents,
  maskOf,
  type Triple,
  unionOf,
} from "./volume.js";

/** How the 95th percentile is taken of the distances of two surfaces. */
export const PERCENTILE_RULES = ["directed", "pooled"] as const;
/** Which implementation's percentile the 95% Hausdorff distance uses. */
export type PercentileRule = (typeof PERCENTILE_RULES)[number];

/** Which labels are scored, and by which conventions. */
export interface SegmentationOptions {
  /** Which labels are scored, in this order. Default: those above 0 of either volume, ascending. */
  readonly labels?: readonly number[];
  /** Up to which distance a surface voxel counts as met, in millimeters, at least 0. Default 1. */
  readonly toleranceMm?: number;
  /**
   * `directed`: the larger of the percentiles of both directions, as MONAI. `pooled`: one percentile of the distances of
   * both directions together, as medpy and nnU-Net. Default directed.
   */
  readonly percentileRule?: PercentileRule;
}

/** How well one label was found in one case. Null: the label occurs in neither volume, so there is nothing to score. */
export interface LabelScore {
  readonly label: number;
  /** 2 · |P ∩ T| / (|P| + |T|), in [0, 1]. */
  readonly dice: number | null;
  /** |P ∩ T| / |P ∪ T|, in [0, 1]. */
  readonly iou: number | null;
  /** Share of the surface voxels of both that are no farther than the tolerance (and a millionth) from the other surface, in [0, 1]. */
  readonly surfaceDice: number | null;
  /** 95th percentile of the distances between the surfaces, in millimeters. */
  readonly hd95: number | null;
  /** Mean of the distances of both directions together, in millimeters. */
  readonly assd: number | null;
  /** Predicted minus true volume, in mm³: above 0 where too much was found. */
  readonly volumeErrorMm3: number;
  readonly predictedMm3: number;
  readonly truthMm3: number;
}

/** Spacings that differ by no more than this many millimeters are the same: files hold them as 32-bit numbers. */
const SPACING_TOLERANCE = 1e-3;
/** A tolerance of one voxel must hold for a spacing of 1.1 mm, which a file's 32-bit number makes 1.10000002. */
const TOLERANCE_SLACK = 1e-6;
const ACTION = "score a segmentation";

/**
 * Scores of each label of one case. Every convention, and how other tools differ, is in docs/segmentation-metrics.md:
 *
 * - a label in neither volume has null scores; one in one of the two has overlap scores of 0, and as distance the diagonal
 *   of the volume, so that a missed structure never improves a mean;
 * - surfaces are voxels with a face to the outside (`surfaceVoxels`), distances go between voxel centers in millimeters.
 *
 * @param predicted - labels that were predicted
 * @param truth - true labels on the same grid; its spacing is used
 * @throws InceptionError VOLUME_INVALID where the grids differ or voxels are no labels,
 *   OPTION_INVALID, IMAGE_LIMIT
 *
 * @example
 * ```ts
 * import { scoreSegmentation } from "inceptionkit/segment";
 * const grid = { shape: [4, 1, 1], spacing: [1, 1, 3] } as const;
 * const [score] = scoreSegmentation({ ...grid, data: [0, 1, 1, 0] }, { ...grid, data: [0, 0, 1, 1] });
 * score.dice; // 0.5
 * score.hd95; // 0.95
 * ```
 */
export function scoreSegmentation(predicted: LabelVolume, truth: LabelVolume, options: SegmentationOptions = {}): readonly LabelScore[] {
  const { toleranceMm = 1, percentileRule = "directed" } = options;
  checkSegmentationOptions(options);
  checkLabelVolume(ACTION, predicted);
  checkLabelVolume(ACTION, truth);
  checkSameGrid(predicted, truth);
  const inPredicted = labelExtents(ACTION, predicted.shape, predicted.data);
  const inTruth = labelExtents(ACTION, truth.shape, truth.data);
  const labels = options.labels ?? foregroundOf([...inPredicted.keys(), ...inTruth.keys()]);
  const rules = { toleranceMm, percentileRule };
  return labels.map((label) => scoreLabel({ label, predicted, truth, found: inPredicted.get(label), real: inTruth.get(label) }, rules));
}

/** @throws InceptionError OPTION_INVALID naming the option, its value and what is accepted */
export function checkSegmentationOptions({ toleranceMm = 1, percentileRule = "directed", labels = [] }: SegmentationOptions): void {
  if (!(toleranceMm >= 0 && Number.isFinite(toleranceMm))) {
    const fact = `toleranceMm is ${toleranceMm}, expected a finite number of at least 0`;
    throw new InceptionError("OPTION_INVALID", `Cannot ${ACTION}: ${fact}`, { toleranceMm });
  }
  if (!PERCENTILE_RULES.includes(percentileRule)) {
    const fact = `percentileRule is "${String(percentileRule)}", expected ${PERCENTILE_RULES.join(" or ")}`;
    throw new InceptionError("OPTION_INVALID", `Cannot ${ACTION}: ${fact}`, { percentileRule });
  }
  for (const label of labels) checkLabel(ACTION, label);
}

function checkSameGrid(predicted: LabelVolume, truth: LabelVolume): void {
  if (!predicted.shape.every((size, axis) => size === truth.shape[axis])) {
    const fact = `the prediction has shape ${formatTriple(predicted.shape)}, the ground truth ${formatTriple(truth.shape)}`;
    throw new InceptionError("VOLUME_INVALID", `Cannot ${ACTION}: ${fact}`, { predicted: predicted.shape, truth: truth.shape });
  }
  if (!predicted.spacing.every((step, axis) => Math.abs(step - (truth.spacing[axis] ?? Number.NaN)) <= SPACING_TOLERANCE)) {
    const fact = `the prediction has spacing ${formatTriple(predicted.spacing)}, the ground truth ${formatTriple(truth.spacing)}`;
    throw new InceptionError("VOLUME_INVALID", `Cannot ${ACTION}: ${fact}`, { predicted: predicted.spacing, truth: truth.spacing });
  }
}

function foregroundOf(labels: readonly number[]): readonly number[] {
  return [...new Set(labels)].filter((label) => label > 0).toSorted((a, b) => a - b);
}

interface LabelCase {
  readonly label: number;
  readonly predicted: LabelVolume;
  readonly truth: LabelVolume;
  readonly found: LabelExtent | undefined;
  readonly real: LabelExtent | undefined;
}

interface Rules {
  readonly toleranceMm: number;
  readonly percentileRule: PercentileRule;
}

function scoreLabel({ label, predicted, truth, found, real }: LabelCase, rules: Rules): LabelScore {
  const { spacing, shape } = truth;
  const voxelMm3 = spacing[0] * spacing[1] * spacing[2];
  const [predictedMm3, truthMm3] = [(found?.voxels ?? 0) * voxelMm3, (real?.voxels ?? 0) * voxelMm3];
  const volumes = { volumeErrorMm3: ((found?.voxels ?? 0) - (real?.voxels ?? 0)) * voxelMm3, predictedMm3, truthMm3 };
  if (found !== undefined && real !== undefined) {
    return { label, ...scorePresent({ label, predicted, truth }, found, real, rules), ...volumes };
  }
  if (found === undefined && real === undefined)
    return { label, dice: null, iou: null, surfaceDice: null, hd95: null, assd: null, ...volumes };
  const penalty = diagonalOf(shape, spacing);
  return { label, dice: 0, iou: 0, surfaceDice: 0, hd95: penalty, assd: penalty, ...volumes };
}

type PresentScores = Readonly<Record<"dice" | "iou" | "surfaceDice" | "hd95" | "assd", number>>;

/** Scores of a label that both volumes have. All of its voxels lie in the union of its boxes, and so do the nearest ones. */
function scorePresent(
  { label, predicted, truth }: Pick<LabelCase, "label" | "predicted" | "truth">,
  found: LabelExtent,
  real: LabelExtent,
  { toleranceMm, percentileRule }: Rules,
): PresentScores {
  const box: Box = unionOf(found.box, real.box);
  const [p, t] = [maskOf(predicted.data, predicted.shape, label, box), maskOf(truth.data, truth.shape, label, box)];
  const common = p.reduce((sum, value, i) => sum + (value & (t[i] ?? 0)), 0);
  const distances = surfaceDistances(p, t, box.size, truth.spacing);
  const all = [distances.fromPredicted, distances.fromTruth];
  const count = distances.fromPredicted.length + distances.fromTruth.length;
  return {
    dice: (2 * common) / (found.voxels + real.voxels),
    iou: common / (found.voxels + real.voxels - common),
    surfaceDice: all.reduce((sum, list) => sum + countUpTo(list, toleranceMm), 0) / count,
    hd95: hausdorff95(distances, percentileRule),
    assd: all.reduce((sum, list) => sum + list.reduce((part, distance) => part + distance, 0), 0) / count,
  };
}

/** The length of the volume from corner to corner, in millimeters: no two voxels are farther apart. */
function diagonalOf(shape: Triple, spacing: Triple): number {
  return Math.hypot(shape[0] * spacing[0], shape[1] * spacing[1], shape[2] * spacing[2]);
}

/** How many values of an ascending list are at most `limit`. */
function countUpTo(sorted: Float64Array, limit: number): number {
  const above = sorted.findIndex((distance) => distance > limit * (1 + TOLERANCE_SLACK));
  return above < 0 ? sorted.length : above;
}

function hausdorff95({ fromPredicted, fromTruth }: SurfaceDistances, rule: PercentileRule): number {
  if (rule === "directed") return Math.max(percentile(fromPredicted, 95), percentile(fromTruth, 95));
  const pooled = new Float64Array(fromPredicted.length + fromTruth.length);
  pooled.set(fromPredicted);
  pooled.set(fromTruth, fromPredicted.length);
  return percentile(pooled.sort(), 95);
}

/** Means of a label's scores over the cases in which it has any; null where it has none. */
export interface LabelMean extends Omit<LabelScore, "volumeErrorMm3" | "predictedMm3" | "truthMm3"> {
  /** Cases in which the label occurs, in the prediction or in the truth. The means are over these. */
  readonly cases: number;
  /** Mean of the signed errors, in mm³: the bias. Null where the label has no case. */
  readonly volumeErrorMm3: number | null;
  /** Mean of the errors without their signs, in mm³. */
  readonly absoluteVolumeErrorMm3: number | null;
}

/**
 * Means over cases for each label, ascending by label. A case counts for a label if the label occurs in its prediction or
 * its truth; a case in which it occurs in neither is left out.
 *
 * @param cases - what `scoreSegmentation` gave for each case
 *
 * @example
 * ```ts
 * import { meanScores, scoreSegmentation } from "inceptionkit/segment";
 * const volume = { shape: [2, 1, 1], spacing: [1, 1, 1], data: [0, 7] } as const;
 * const [mean] = meanScores([scoreSegmentation(volume, volume), scoreSegmentation({ ...volume, data: [7, 0] }, volume)]);
 * mean.dice; // 0.5
 * mean.cases; // 2
 * ```
 */
export function meanScores(cases: readonly (readonly LabelScore[])[]): readonly LabelMean[] {
  const scores = cases.flat();
  const labels = [...new Set(scores.map(({ label }) => label))].toSorted((a, b) => a - b);
  return labels.map((label) => {
    const present = scores.filter((score) => score.label === label && score.dice !== null);
    const mean = (pick: (score: LabelScore) => number | null): number | null => meanOf(present.map(pick));
    return {
      label,
      cases: present.length,
      dice: mean(({ dice }) => dice),
      iou: mean(({ iou }) => iou),
      surfaceDice: mean(({ surfaceDice }) => surfaceDice),
      hd95: mean(({ hd95 }) => hd95),
      assd: mean(({ assd }) => assd),
      volumeErrorMm3: mean(({ volumeErrorMm3 }) => volumeErrorMm3),
      absoluteVolumeErrorMm3: mean(({ volumeErrorMm3 }) => Math.abs(volumeErrorMm3)),
    };
  });
}

/**
 * The mean over labels of one score, each label counting the same however many cases or voxels it has; labels without a
 * value are left out. Null where none has one. With `dice` and the labels of `meanScores` it is the usual mean Dice of a
 * data set; the background takes no part in it unless it was asked for as a label.
 *
 * @example
 * ```ts
 * import { meanOverLabels } from "inceptionkit/segment";
 * meanOverLabels([{ dice: 0.75 }, { dice: 0.25 }, { dice: null }], "dice"); // 0.5
 * ```
 */
export function meanOverLabels<K extends string>(scores: readonly Readonly<Record<K, number | null>>[], key: K): number | null {
  return meanOf(scores.map((score) => score[key]));
}

function meanOf(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0) / known.length;
}
