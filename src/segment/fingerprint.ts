/** What a set of labeled volumes is like: the facts that a plan of training rests on. */
import {
  type Distribution,
  type IntensityProfile,
  type SegmentationConfig,
  type TrainingStatistics,
  type Triple,
  toRas,
  type Volume,
  voxelStatistics,
  voxelVolume,
} from "../data/index.js";
import { percentile } from "../data/volumes/percentile.js";
import { intensityProfile, LEVELS, relativeLevels } from "../data/volumes/training-statistics.js";
import { InceptionError } from "../errors.js";

/** How the intensities of one channel are spread. */
export interface Intensities {
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  readonly standardDeviation: number;
}

/** Statistics of one case in RAS orientation. */
export interface CaseStatistics {
  readonly id: string;
  /** Voxels to the right, the front and the top. */
  readonly shape: Triple;
  /** Millimeters between them. */
  readonly spacing: Triple;
  /** Of all voxels, by channel. */
  readonly channels: readonly Intensities[];
  /** By channel, 0.5 % and 99.5 % of what lies in the foreground; null where there is none. */
  readonly foreground: readonly (readonly [low: number, high: number])[] | null;
  /** How many voxels have each label value, ascending. */
  readonly voxels: readonly (readonly [value: number, count: number])[];
  /** Of the intensities, by channel. */
  readonly profiles: readonly IntensityProfile[];
  /** Cubic millimeters of a voxel. */
  readonly voxelMm3: number;
}

/** Lowest, median and highest of something over the cases. */
export interface MinMedianMax<T> {
  readonly min: T;
  readonly median: T;
  readonly max: T;
}

/** A set of cases. */
export interface Fingerprint {
  readonly cases: number;
  readonly spacing: MinMedianMax<Triple>;
  readonly shape: MinMedianMax<Triple>;
  /** Medians over the cases, by channel. */
  readonly intensities: readonly Intensities[];
  /** Medians over the cases of what bounds the foreground's intensities, by channel; null where no case has foreground. */
  readonly foreground: readonly (readonly [low: number, high: number])[] | null;
  /** Every label value, ascending. */
  readonly labels: readonly LabelFacts[];
}

/** How often one label occurs in the cases of a dataset. */
export interface LabelFacts {
  readonly value: number;
  /** Of all voxels. */
  readonly share: number;
  /** Cases that have it. */
  readonly cases: number;
}

/** Of one case so many foreground voxels decide; more change no percentile that matters. */
const MAX_FOREGROUND = 100_000;

/**
 * Looks at a case.
 *
 * @param channels - of the image, all on the grid of the labels
 * @throws InceptionError VOLUME_INVALID where image and labels have different sizes, or a label is no integer
 */
export function caseStatistics(id: string, channels: readonly Volume[], labels: Volume): CaseStatistics {
  for (const { shape } of channels) {
    if (shape.every((size, axis) => size === labels.shape[axis])) continue;
    const fact = `its image has ${shape.join(" x ")} voxels, its labels have ${labels.shape.join(" x ")}, expected the same`;
    throw new InceptionError("VOLUME_INVALID", `Cannot train on case "${id}": ${fact}`, { id, image: shape, labels: labels.shape });
  }
  const { shape, spacing } = toRas(labels);
  const counts = new Map<number, number>();
  for (const value of labels.data) counts.set(value, (counts.get(value) ?? 0) + 1);
  const wrong = [...counts.keys()].find((value) => !Number.isInteger(value));
  if (wrong !== undefined) {
    const fact = `its labels contain the value ${wrong}, expected integers`;
    throw new InceptionError("VOLUME_INVALID", `Cannot train on case "${id}": ${fact}`, { id, value: wrong });
  }
  const voxels = [...counts].toSorted(([a], [b]) => a - b);
  const foreground = labels.data.length - (counts.get(0) ?? 0);
  return {
    id,
    shape,
    spacing,
    channels: channels.map(intensitiesOf),
    foreground: foreground === 0 ? null : channels.map((channel) => foregroundBounds(channel, labels, foreground)),
    voxels,
    profiles: channels.map(intensityProfile),
    voxelMm3: voxelVolume(labels.affine),
  };
}

function intensitiesOf(volume: Volume): Intensities {
  const { min, max, mean, standardDeviation } = voxelStatistics(volume);
  return { min, max, mean, standardDeviation };
}

function foregroundBounds({ data }: Volume, labels: Volume, count: number): readonly [number, number] {
  const every = Math.ceil(count / MAX_FOREGROUND);
  const values: number[] = [];
  for (let voxel = 0, seen = 0; voxel < data.length; voxel++) {
    if (labels.data[voxel] === 0 || seen++ % every !== 0) continue;
    const value = data[voxel] ?? Number.NaN;
    if (Number.isFinite(value)) values.push(value);
  }
  if (values.length === 0) return [0, 1];
  values.sort((a, b) => a - b);
  return [percentile(values, 0.5), percentile(values, 99.5)];
}

/**
 * Computes the dataset statistics (fingerprint, as in nnU-Net) of all cases.
 *
 * @param cases - at least one
 * @throws InceptionError DATASET_INVALID without a case, or with cases of different numbers of channels
 */
export function fingerprintOf(cases: readonly CaseStatistics[]): Fingerprint {
  const [first] = cases;
  if (first === undefined) throw new InceptionError("DATASET_INVALID", "Cannot plan training: none of the cases could be read");
  const other = cases.find(({ channels }) => channels.length !== first.channels.length);
  if (other) {
    const fact = `"${first.id}" has ${first.channels.length} channels and "${other.id}" ${other.channels.length}, expected the same number`;
    throw new InceptionError("DATASET_INVALID", `Cannot plan training: ${fact}`, { cases: [first.id, other.id] });
  }
  const inside = cases.flatMap(({ foreground }) => (foreground === null ? [] : [foreground]));
  return {
    cases: cases.length,
    spacing: spreadOf(cases.map(({ spacing }) => spacing)),
    shape: spreadOf(cases.map(({ shape }) => shape)),
    intensities: first.channels.map((_, channel) => medianIntensities(cases.map(({ channels }) => channels[channel]))),
    foreground:
      inside.length === 0
        ? null
        : first.channels.map((_, channel) => [
            median(inside.map((bounds) => bounds[channel]?.[0] ?? 0)),
            median(inside.map((bounds) => bounds[channel]?.[1] ?? 0)),
          ]),
    labels: labelFacts(cases),
  };
}

function labelFacts(cases: readonly CaseStatistics[]): readonly LabelFacts[] {
  const all = cases.reduce((sum, { shape: [x, y, z] }) => sum + x * y * z, 0);
  const found = new Map<number, { voxels: number; cases: number }>();
  for (const [value, count] of cases.flatMap(({ voxels }) => voxels)) {
    const { voxels, cases: before } = found.get(value) ?? { voxels: 0, cases: 0 };
    found.set(value, { voxels: voxels + count, cases: before + 1 });
  }
  return [...found]
    .map(([value, { voxels, cases: having }]) => ({ value, share: voxels / all, cases: having }))
    .toSorted((a, b) => a.value - b.value);
}

function spreadOf(values: readonly Triple[]): MinMedianMax<Triple> {
  const each = (choose: (along: readonly number[]) => number): Triple => {
    const along = (axis: 0 | 1 | 2): number => choose(values.map((value) => value[axis]));
    return [along(0), along(1), along(2)];
  };
  return { min: each((along) => Math.min(...along)), median: each(median), max: each((along) => Math.max(...along)) };
}

/** Digits of a recorded statistic: more describe the sample, not the cases. */
const DIGITS = 6;

/**
 * Computes what a model records about its training cases, which its inputs are compared with.
 *
 * @param cases - at least one, with as many channels as the recipe
 * @throws InceptionError OPTION_INVALID without a case
 */
export function trainingStatistics(
  cases: readonly CaseStatistics[],
  { normalization, labelValues }: Pick<SegmentationConfig, "normalization" | "labelValues">,
): TrainingStatistics {
  const alongAxes = (of: (facts: CaseStatistics, axis: 0 | 1 | 2) => number): readonly Distribution[] =>
    ([0, 1, 2] as const).map((axis) => distributionOf(cases.map((facts) => of(facts, axis))));
  const profiles = (channel: number): readonly IntensityProfile[] => cases.flatMap((facts) => facts.profiles[channel] ?? []);
  return {
    cases: cases.length,
    extent: alongAxes(({ shape, spacing }, axis) => shape[axis] * spacing[axis]),
    spacing: alongAxes(({ spacing }, axis) => spacing[axis]),
    intensities: normalization.map((each, channel) => {
      const levels = profiles(channel).map((profile) => relativeLevels(profile, each));
      return {
        levels: LEVELS.map((_, index) => distributionOf(levels.map((own) => own[index] ?? 0))),
        lowest: distributionOf(profiles(channel).map(({ lowest }) => lowest)),
      };
    }),
    labelVolumes: labelValues
      .slice(1)
      .map((value) => distributionOf(cases.map(({ voxels, voxelMm3 }) => (new Map(voxels).get(value) ?? 0) * voxelMm3))),
  };
}

function distributionOf(values: readonly number[]): Distribution {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (percent: number): number => Number(percentile(sorted, percent).toPrecision(DIGITS));
  return { min: at(0), low: at(0.5), median: at(50), high: at(99.5), max: at(100) };
}

function median(values: readonly number[]): number {
  return percentile(
    values.toSorted((a, b) => a - b),
    50,
  );
}

function medianIntensities(values: readonly (Intensities | undefined)[]): Intensities {
  const of = (key: keyof Intensities): number => median(values.map((each) => each?.[key] ?? Number.NaN).filter(Number.isFinite));
  return { min: of("min"), max: of("max"), mean: of("mean"), standardDeviation: of("standardDeviation") };
}
