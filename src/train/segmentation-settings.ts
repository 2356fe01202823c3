/** The settings of a run that trains a segmentation network, with their checks. */
import {
  NO_VOLUME_AUGMENTATION,
  parseVolumeAugmentation,
  VOLUME_AUGMENTATION,
  type VolumeAugmentation,
} from "../data/volumes/augmentation.js";
import { isLossName, LOSSES } from "../losses/index.js";
import {
  choiceOption,
  integerOption,
  nullable,
  numberOption,
  type Option,
  type OptionInput,
  type OptionInputsWith,
  type OptionTable,
  type OptionValues,
  readOption,
  resolveOptions,
  textOption,
} from "../options.js";
import type { Metric } from "./history.js";
import type { JsonData } from "./json.js";
import { jsonOption } from "./record-option.js";
import { RUN, SETTINGS } from "./settings.js";

/**
 * Every setting of a run that segments; `data` must be given. The defaults: AdamW with a polynomial schedule, nnU-Net's loss, and
 * the exponential moving average of the weights, which is evaluated and kept.
 */
export const SEGMENTATION_SETTINGS = {
  accumulate: SETTINGS.accumulate,
  augmentation: jsonOption(
    "patch augmentation: default, none, or a JSON object of changes to the default",
    "default",
    "default, none, or a JSON object of a volume augmentation",
    (given) => given === "default" || given === "none" || parseVolumeAugmentation(given, "the settings"),
  ),
  emaDecay: { ...SETTINGS.emaDecay, default: 0.99 },
  batchSize: plannedOption(integerOption("patches per batch", undefined, 1, 4096)),
  batchNormDecay: { ...SETTINGS.batchNormDecay, default: 0.9 },
  checkpointEvery: SETTINGS.checkpointEvery,
  clipNorm: { ...SETTINGS.clipNorm, default: 12 },
  clipValue: SETTINGS.clipValue,
  data: textOption(
    "training data: Medical Segmentation Decathlon directory or its dataset.json, or a directory with images/ and labels/",
    undefined,
  ),
  weightDecayOn: { ...SETTINGS.weightDecayOn, default: "kernels" },
  epochs: { ...SETTINGS.epochs, default: 60 },
  learningRateMultipliers: SETTINGS.learningRateMultipliers,
  fold: { ...foldOption(1000), placeholder: "n|all|none" },
  folds: integerOption("number of folds", 5, 2, 1000),
  foregroundFraction: {
    ...numberOption("fraction of patches sampled around a foreground voxel, in [0, 1]", 0.33, 0, 1),
    placeholder: "fraction",
  },
  freezeBatchNorm: SETTINGS.freezeBatchNorm,
  initializer: { ...SETTINGS.initializer, default: "he_normal" },
  keepCheckpoints: SETTINGS.keepCheckpoints,
  learningRate: { ...SETTINGS.learningRate, default: 2e-3 },
  loss: choiceOption("loss function", "nnunet_dice_cross_entropy", Object.keys(LOSSES).filter(isLossName)),
  metric: choiceOption<Metric>("metric for the best checkpoint and early stopping", "dice", ["dice", "loss", "trainLoss"]),
  optimizer: { ...SETTINGS.optimizer, default: { name: "adamw", weightDecay: 1e-2 } },
  patchesPerCase: integerOption("patches per case and epoch", 1, 1, 1000),
  patchSize: plannedOption(tripleOption("patch size in voxels along x, y and z, e.g. 40x56x40", true)),
  patience: SETTINGS.patience,
  checkpointActivations: SETTINGS.checkpointActivations,
  schedule: { ...SETTINGS.schedule, default: { name: "polynomial", unit: "fractional_epoch", power: 0.9, warmUp: 1 } },
  seed: { ...SETTINGS.seed, doc: "random seed, also for the fold split" },
  spacing: plannedOption(tripleOption("voxel spacing to resample to, in mm along x, y and z, e.g. 1x1x1.5", false)),
} as const satisfies OptionTable<JsonData>;

/** All settings of a run that segments. */
export type SegmentationSettings = OptionValues<typeof SEGMENTATION_SETTINGS>;

/** Settings as code writes them: `data`, and those that differ from the defaults. */
export type SegmentationSettingsInput = OptionInputsWith<typeof SEGMENTATION_SETTINGS, "data">;

/** Null where the plan decides. */
function plannedOption<T, Input>(option: Option<T, Input>): Option<T | null, Input | null> {
  return { ...nullable(option, null, "planned"), defaultDoc: "planned from the data" };
}

function foldOption(folds: number): Option<number | null> {
  const doc = "validation fold, from 0; all runs every fold in turn (cross-validation), none trains on all cases";
  return nullable(integerOption(doc, undefined, 0, folds - 1), 0);
}

/**
 * Returns all settings of a segmentation run: the given ones, checked, and the defaults of the others.
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
export function resolveSegmentationSettings(given: OptionInput): SegmentationSettings {
  const settings = resolveOptions(RUN, SEGMENTATION_SETTINGS, given);
  readOption(RUN, "fold", foldOption(settings.folds), settings.fold);
  return settings;
}

type Triple = readonly [x: number, y: number, z: number];

/** `40x56x40` or `40,56,40`, or a list. */
function tripleOption(doc: string, whole: boolean): Option<Triple, Triple | string> {
  const one = whole ? integerOption(doc, undefined, 1, 4096) : numberOption(doc, undefined, 1e-3, 1e3);
  return {
    doc,
    default: undefined,
    placeholder: "XxYxZ",
    expected: `three ${whole ? "integers" : "numbers"} such as ${whole ? "40x56x40" : "1x1x1.5"}`,
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
  return setting === "default" ? VOLUME_AUGMENTATION : parseVolumeAugmentation(setting, "the settings");
}
