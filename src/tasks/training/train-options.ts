/** The options of training in the words of the task layer, and the data and settings that they choose. */
import { type OpenedDataset, withValidation } from "../../data/assemble.js";
import type { PreprocessingId } from "../../data/preprocessing.js";
import type { Preprocessing } from "../../data/transforms/preprocess.js";
import { InceptionError } from "../../errors.js";
import type { ModelOptions } from "../../models/index.js";
import { untilAborted } from "../../runtime/abort.js";
import type { FileInput, SourceOptions } from "../../runtime/platform.js";
import type { CancelSignal, SessionOptions } from "../../runtime/session.js";
import type { Evaluation } from "../../train/metrics.js";
import { familyRecipe } from "../../train/recipes.js";
import { resolveSettings, SETTINGS, type TrainingSettings, type TrainingSettingsInput } from "../../train/settings.js";
import type { LabeledImages } from "../labeled-images.js";
import type { LearningOptions } from "./learning.js";

/** Settings of the loop and of the training step, as `inception train` has them. */
type LearningSettings = Omit<TrainingSettingsInput, "data" | "valData" | "weights" | "keepCheckpoints" | "checkpointEvery">;

/** How a model is trained further. Settings that are left out have the value of the recipe, then their default. */
export interface FineTuneOptions
  extends LearningSettings,
    SourceOptions,
    SessionOptions,
    Pick<LearningOptions<Evaluation>, "onEvent" | "workers"> {
  /** Weights of a model id or custom network. For `fineTune` required with these, rejected with what has its own. */
  readonly weights?: FileInput;
  /** Options of the network, such as inputSize. Default: those of the weights; of `describe`. */
  readonly options?: ModelOptions;
  /** How images become the input: a preset by name or a record. Default: that of the weights; from scratch values from -1 to 1. */
  readonly preprocessing?: Preprocessing | PreprocessingId;
  /** Separate validation images. Default: those of the data, otherwise a held-out fraction (`valFraction`). */
  readonly valData?: LabeledImages;
  /** Node only. Fetch `https:` URLs; without it they are rejected. Default: false. */
  readonly allowHttps?: boolean;
  /** Node only. Use only what is already on this machine. Default: whether HF_HUB_OFFLINE is 1. */
  readonly offline?: boolean;
  /** Node only. Token for the Hugging Face hub. Default: HF_TOKEN. */
  readonly token?: string;
}

/** How a network is trained. */
export interface TrainOptions extends FineTuneOptions {
  /** Node only. Directory of the run, new or empty, with checkpoints, metrics and a report. Default: none, all in memory. */
  readonly out?: string;
  /** Node only. Resume the run in `out` from its last checkpoint, with the settings that it has. Default: false. */
  readonly resume?: boolean;
  /** Node only, with `out`. Number of best epochs whose checkpoints are kept. Default: 1. */
  readonly keepCheckpoints?: number;
  /** Node only, with `out`. Also save a checkpoint every n steps within an epoch. Default: 0, after epochs only. */
  readonly checkpointEvery?: number;
}

const PLACE = [
  "device",
  "threads",
  "onProgress",
  "maxBytes",
  "allowHttps",
  "offline",
  "token",
] as const satisfies readonly (keyof FineTuneOptions)[];

/** The options of the platform: where sessions run, and how files are fetched. */
export function placeOptions(options: FineTuneOptions): Pick<FineTuneOptions, (typeof PLACE)[number]> {
  return Object.fromEntries(PLACE.flatMap((name) => (options[name] === undefined ? [] : [[name, options[name]] as const])));
}

/** Options that have no effect without a directory, or on another platform. @throws InceptionError OPTION_INVALID where one is given */
export function rejectOptions(options: TrainOptions, names: readonly (keyof TrainOptions)[], where: string): void {
  const foreign = names.filter((name) => options[name] !== undefined);
  if (foreign.length === 0) return;
  throw new InceptionError("OPTION_INVALID", `Cannot use ${foreign.join(" and ")} ${where}`, { foreign });
}

/** The settings among the options. */
export function givenSettings(options: FineTuneOptions): LearningSettings {
  const chosen = Object.entries(options).filter(([name]) => Object.hasOwn(SETTINGS, name) && name !== "valData" && name !== "weights");
  return Object.fromEntries(chosen);
}

/**
 * All settings of a run.
 *
 * @param from - names of the data, and of the weights that training starts from
 * @throws InceptionError OPTION_INVALID naming the setting, the value and what is accepted
 */
export function trainingSettings(
  family: string,
  options: FineTuneOptions,
  from: { readonly data: string; readonly weights: string | null },
): TrainingSettings {
  const given = givenSettings(options);
  const { recipe } = given;
  return resolveSettings({ ...given, ...from, ...(recipe === undefined ? {} : { recipe: familyRecipe(family, recipe) }) });
}

/**
 * Lists the images of training and validation.
 *
 * @throws InceptionError DATASET_INVALID, FILE_…; what the signal was aborted with
 */
export async function openLabeled(
  data: LabeledImages,
  { valFraction, seed }: Pick<TrainingSettings, "valFraction" | "seed">,
  { valData, signal }: { readonly valData?: LabeledImages; readonly signal?: CancelSignal },
): Promise<OpenedDataset> {
  const opened = await untilAborted(signal, data.open({ valFraction: valData === undefined ? valFraction : 0, seed }));
  if (valData === undefined) return opened;
  const other = await untilAborted(signal, valData.open({ valFraction: 0, seed, classes: opened.train.classes }));
  return withValidation(opened.train, other.val ?? other.train);
}
