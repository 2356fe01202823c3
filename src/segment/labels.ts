import { type Volume, voxelVolume } from "../data/index.js";

/** A class of a model that segments. */
export interface SegmentedLabel {
  /** In label volumes. */
  readonly value: number;
  /** The model's name for it; the value as text where it has none. */
  readonly name: string;
}

/** How much of a volume has a label. */
export interface LabelStatistics extends SegmentedLabel {
  readonly voxels: number;
  readonly mm3: number;
}

/** Values and names of all classes. Names are taken where each class has one of its own. */
export function segmentedLabels(values: readonly number[], names: readonly string[] | null): readonly SegmentedLabel[] {
  const named = names !== null && names.length === values.length && new Set(names).size === names.length;
  return values.map((value, index) => ({ value, name: (named ? names[index] : undefined) ?? String(value) }));
}

/** Files hold affines as 32-bit numbers; what is behind seven digits is noise. */
const MM3_DIGITS = 7;

/**
 * Voxels and cubic millimeters of every label but the background.
 *
 * @param volume - label values, with an affine in millimeters
 * @param labels - the background first
 */
export function labelStatistics(volume: Volume, labels: readonly SegmentedLabel[]): readonly LabelStatistics[] {
  const counts = new Map(labels.map(({ value }) => [value, 0]));
  for (const value of volume.data) counts.set(value, (counts.get(value) ?? 0) + 1);
  const voxelMm3 = voxelVolume(volume.affine);
  return labels.slice(1).map((label) => {
    const voxels = counts.get(label.value) ?? 0;
    return { ...label, voxels, mm3: Number((voxels * voxelMm3).toPrecision(MM3_DIGITS)) };
  });
}
