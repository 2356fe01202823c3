/** Everything that a person can set about the training of a segmentation network. */
import {
  NO_VOLUME_AUGMENTATION,
  parseVolumeAugmentation,
  VOLUME_AUGMENTATION,
  type VolumeAugmentation,
} from "../data/volumes/augmentation.js";
import type { JsonData } from "./json.js";
import { checkedJson, choice, integer, number, orNull, readSettings, type Setting, type SettingTable, text } from "./setting.js";
import { SETTINGS, type TrainingSettings } from "./settings.js";

/** Settings that mean the same as for images. */
type Shared =
  | "accumulate"
  | "averageDecay"
  | "batchNormDecay"
  | "checkpointEvery"
  | "clipNorm"
  | "clipValue"
  | "decayOn"
  | "epochs"
  | "factors"
  | "freezeBatchNorm"
  | "initializer"
  | "keep"
  | "learningRate"
  | "metric"
  | "optimizer"
  | "patience"
  | "recompute"
  | "schedule"
  | "seed";

export interface SegmentationSettings extends Pick<TrainingSettings, Shared> {
  /** Where the volumes are; see `openVolumeDataset`. */
  readonly data: string;
  /** How many parts the cases are split into. */
  readonly folds: number;
  /** The part that is measured on, from 0; null to train on all. */
  readonly fold: number | null;
  /** Patches that run together; null: as planned. */
  readonly batch: number | null;
  /** Voxels of a patch along x, y and z; null: as planned. */
  readonly patchSize: readonly [number, number, number] | null;
  /** Millimetres that volumes are resampled to; null: as planned. */
  readonly spacing: readonly [number, number, number] | null;
  /** Patches of each case in an epoch. */
  readonly patchesPerCase: number;
  /** Share of the patches that are cut around a voxel of a class. */
  readonly foregroundShare: number;
  readonly loss: "cross_entropy" | "dice_cross_entropy" | "nnunet_dice_cross_entropy";
  /** What differs from the usual augmentation of volumes; or "none". */
  readonly augmentation: JsonData;
}

/** Each setting; the command's flags are made from this table. */
export const SEGMENTATION_SETTINGS: SettingTable<SegmentationSettings> = {
  accumulate: SETTINGS.accumulate,
  augmentation: {
    placeholder: "text",
    doc: "patch augmentation: usual, none, or a JSON object of changes to the usual one",
    expected: "usual, none, or a JSON record of an augmentation of volumes",
    parse: (given) =>
      given === "usual" || given === "none" ? given : checkedJson(given, (value) => parseVolumeAugmentation(value, "the settings")),
  },
  averageDecay: SETTINGS.averageDecay,
  batch: orNull(integer("patches per batch", 1, 4096), "planned"),
  batchNormDecay: SETTINGS.batchNormDecay,
  checkpointEvery: SETTINGS.checkpointEvery,
  clipNorm: SETTINGS.clipNorm,
  clipValue: SETTINGS.clipValue,
  data: text("training data: Medical Segmentation Decathlon directory or its dataset.json, or a directory with images/ and labels/"),
  decayOn: SETTINGS.decayOn,
  epochs: integer("number of training epochs", 1, 1e6),
  factors: SETTINGS.factors,
  fold: orNull(integer("validation fold, from 0; all runs every fold in turn (cross-validation), none trains on all cases", 0, 999)),
  folds: integer("number of folds", 2, 1000),
  foregroundShare: number("fraction of patches sampled around a foreground voxel, in [0, 1]", 0, 1),
  freezeBatchNorm: SETTINGS.freezeBatchNorm,
  initializer: SETTINGS.initializer,
  keep: SETTINGS.keep,
  learningRate: SETTINGS.learningRate,
  loss: choice<SegmentationSettings["loss"]>("loss function", ["cross_entropy", "dice_cross_entropy", "nnunet_dice_cross_entropy"]),
  metric: SETTINGS.metric,
  optimizer: SETTINGS.optimizer,
  patchesPerCase: integer("patches per case and epoch", 1, 1000),
  patchSize: orNull(triple("patch size in voxels along x, y and z, e.g. 40x56x40", true), "planned"),
  patience: SETTINGS.patience,
  recompute: SETTINGS.recompute,
  schedule: SETTINGS.schedule,
  seed: SETTINGS.seed,
  spacing: orNull(triple("voxel spacing to resample to, in mm along x, y and z, e.g. 1x1x1.5", false), "planned"),
};

/**
 * What holds where nothing else is said. AdamW with a polynomial schedule, nnU-Net's loss; averaged parameters are what is
 * measured and kept.
 */
export const SEGMENTATION_DEFAULTS = {
  accumulate: 1,
  augmentation: "usual",
  averageDecay: 0.99,
  batch: null,
  batchNormDecay: 0.9,
  checkpointEvery: 0,
  clipNorm: 12,
  clipValue: null,
  decayOn: "kernels",
  epochs: 60,
  factors: "",
  fold: 0,
  folds: 5,
  foregroundShare: 0.33,
  freezeBatchNorm: false,
  initializer: "he_normal",
  keep: 1,
  learningRate: 2e-3,
  loss: "nnunet_dice_cross_entropy",
  metric: "dice",
  optimizer: { name: "adamw", weightDecay: 1e-2 },
  patchesPerCase: 1,
  patchSize: null,
  patience: 0,
  recompute: false,
  schedule: { name: "polynomial", unit: "fractional_epoch", power: 0.9, warmUp: 1 },
  seed: 1,
  spacing: null,
} as const;

/**
 * All settings of a segmentation run: the given ones, read and checked, over the usual ones.
 *
 * @param given - as it comes from a command line or a config.json; `data` is needed
 * @throws InceptionError OPTION_INVALID naming the setting, the value and what is accepted; for an unknown setting, and a fold that
 *   there is not
 *
 * @example
 * ```ts
 * import { resolveSegmentationSettings } from "inceptionkit/train";
 * resolveSegmentationSettings({ data: "Task04_Hippocampus", fold: "3" }).fold; // 3
 * ```
 */
export function resolveSegmentationSettings(given: Readonly<Record<string, unknown>>): SegmentationSettings {
  const settings = readSettings(SEGMENTATION_SETTINGS, given, SEGMENTATION_DEFAULTS);
  const { fold, folds } = settings;
  readSettings({ fold: orNull(integer("", 0, folds - 1)) }, { fold }, {});
  return settings;
}

/** `40x56x40` or `40,56,40`, or a list. */
function triple(doc: string, whole: boolean): Setting<readonly [number, number, number]> {
  const one = whole ? integer(doc, 1, 4096) : number(doc, 1e-3, 1e3);
  return {
    doc,
    placeholder: "text",
    expected: `three ${whole ? "whole " : ""}numbers such as ${whole ? "40x56x40" : "1x1x1.5"}`,
    parse: (given) => {
      const list: readonly unknown[] = typeof given === "string" ? given.split(/[x,]/) : Array.isArray(given) ? given : [];
      const [x, y, z] = list.map(one.parse);
      return list.length === 3 && x !== undefined && y !== undefined && z !== undefined ? [x, y, z] : undefined;
    },
  };
}

/**
 * Returns the augmentation that a setting stands for.
 *
 * @throws InceptionError OPTION_INVALID
 */
export function volumeAugmentation(setting: JsonData): VolumeAugmentation {
  if (setting === "none") return NO_VOLUME_AUGMENTATION;
  return setting === "usual" ? VOLUME_AUGMENTATION : parseVolumeAugmentation(setting, "the settings");
}
