/** The settings of a training run, with their checks. A run's config.json holds exactly these. */
import { parseAugmentation } from "../data/augment/augmentation.js";
import { DECAY_TARGETS, type DecayTarget, OPTIMIZERS, optimizerOf, scheduleOf } from "../optim/index.js";
import {
  booleanOption,
  choiceOption,
  fractionOption,
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
import { INITIALIZERS, type Initializer } from "../weights/initialize.js";
import type { Metric } from "./history.js";
import type { JsonData, JsonRecord } from "./json.js";
import { RECIPE_NAMES, RECIPES, type RecipeName } from "./recipes.js";
import { jsonOption, namedRecordOption } from "./record-option.js";
import { unfreezePhases } from "./unfreeze.js";

/** Metrics of images; the others are those of volumes. */
const IMAGE_METRICS: readonly Metric[] = ["top1", "top5", "loss", "trainLoss", "trainTop1"];

/** Every setting of a run that classifies. Those without a default have that of the recipe; `data` must be given. */
export const SETTINGS = {
  accumulate: integerOption("accumulate gradients over this many batches per optimizer step", 1, 1, 4096),
  augmentation: jsonOption(
    "training augmentation: none, light, trivial_augment, rand_augment, rand_augment_1, cifar, inception, or a JSON object",
    undefined,
    "none, light, trivial_augment, rand_augment, rand_augment_1, inception, cifar, or a JSON record of an augmentation",
    (given) => parseAugmentation(given, "the settings"),
  ),
  auxWeight: { ...numberOption("loss weight of each auxiliary classifier", undefined, 0, 100), placeholder: "weight" },
  emaDecay: emaDecayOption(),
  batchSize: integerOption("images per batch", undefined, 1, 4096),
  batchNormDecay: {
    ...fractionOption("decay of the batch-norm running statistics (1 - PyTorch's momentum)", undefined),
    placeholder: "decay",
  },
  calibration: {
    ...choiceOption<"temperature" | "none">("calibrate the probabilities on the validation images at the end of the run", "temperature", [
      "temperature",
      "none",
    ]),
    placeholder: "method",
  },
  checkpointEvery: integerOption("also save a checkpoint every n steps within an epoch; 0 saves after epochs only", 0, 0, 1e9),
  clipNorm: {
    ...nullable(numberOption("clip gradients to this global norm, or none", undefined, 1e-9, 1e9), undefined),
    placeholder: "norm",
  },
  clipValue: {
    ...nullable(numberOption("clip each gradient element to [-value, value], before `clipNorm`", undefined, 1e-9, 1e9), null),
    placeholder: "value",
  },
  cutmix: { ...numberOption("CutMix alpha; 0 disables", undefined, 0, 1000), placeholder: "alpha" },
  data: textOption(
    "training data: image folder (one directory per class), list (.csv, .tsv, .jsonl), WebDataset .tar shards, or shapes10",
    undefined,
  ),
  weightDecayOn: {
    ...choiceOption<DecayTarget>("parameters with weight decay", undefined, Object.keys(DECAY_TARGETS) as DecayTarget[]),
    placeholder: "set",
  },
  epochs: integerOption("number of training epochs", undefined, 1, 1e6),
  learningRateMultipliers: multipliersOption(),
  layerDecay: {
    ...numberOption(
      "layer-wise learning-rate decay: factor per stage with the distance from the classifier; 1 disables",
      undefined,
      0.01,
      1,
    ),
    placeholder: "factor",
  },
  freeze: {
    ...textOption(
      "parameters to freeze: none, backbone (train only the classifier), except-last:K or except-last:P% (train the last K or P percent of the stages, and the classifier), or path patterns with *",
      undefined,
    ),
    placeholder: "what",
  },
  freezeBatchNorm: booleanOption("use the stored batch-norm running statistics and do not update them", false),
  initializer: choiceOption<Initializer>("initializer for parameters without pretrained values", undefined, INITIALIZERS),
  keepCheckpoints: integerOption("number of best epochs whose checkpoints are kept", 1, 0, 1000),
  labelSmoothing: { ...fractionOption("label smoothing, in [0, 1)", undefined), placeholder: "fraction" },
  learningRate: { ...numberOption("base learning rate", undefined, 0, 1000), placeholder: "rate" },
  metric: choiceOption<Metric>("metric for the best checkpoint and early stopping", "top1", IMAGE_METRICS),
  mixup: { ...numberOption("mixup alpha; 0 disables", undefined, 0, 1000), placeholder: "alpha" },
  optimizer: namedRecordOption(
    `optimizer and options, e.g. sgd:momentum=0.9,weightDecay=1e-4; ${Object.keys(OPTIMIZERS).join(", ")}`,
    undefined,
    "name:option=value,… of an optimizer, as in sgd:momentum=0.9",
    (record) => optimizerOf(record),
  ),
  patience: integerOption("stop after this many epochs without improvement; 0 disables early stopping", 0, 0, 1e6),
  recipe: {
    ...choiceOption<RecipeName>("training recipe; other settings override it", undefined, RECIPE_NAMES),
    defaultDoc: "finetune with `weights`, else scratch",
  },
  checkpointActivations: booleanOption("recompute activations in the backward pass: less memory, more time", false),
  schedule: namedRecordOption(
    "learning-rate schedule and options, e.g. cosine:unit=fractional_epoch,warmUp=1; constant, cosine, exponential, polynomial, step",
    undefined,
    "name:option=value,… of a schedule, as in step:unit=epoch,every=30",
    (record) => scheduleOf({ learningRate: 1, ...lengthOf(record, 1), ...record }),
  ),
  seed: integerOption("random seed", 1, 0, 2 ** 32 - 1),
  unfreeze: {
    ...textOption(
      "progressive unfreezing: what is frozen from later epochs on instead of `freeze`, e.g. 3=except-last:3,6=none; each phase trains more than the one before; none disables",
      undefined,
    ),
    placeholder: "schedule",
    expected:
      "EPOCH=none, EPOCH=backbone, EPOCH=except-last:K or EPOCH=except-last:P%, separated by commas, epochs ascending from 2; or none",
    parse: (given) => (typeof given === "string" && unfreezePhases(given) !== null ? given : undefined),
  },
  valData: {
    ...nullable(textOption("separate validation data, in any format `data` accepts", undefined), null),
    placeholder: "source",
    defaultDoc: "`data`'s own validation split, else a held-out fraction",
  },
  valFraction: {
    ...fractionOption("fraction of the images held out for validation if `data` has no validation split", 0.2),
    placeholder: "fraction",
  },
  weights: {
    ...nullable(
      textOption(
        "initialize from pretrained weights: pretrained[:NAME], hf:OWNER/NAME[@REVISION], a file, or an https: URL with `allowHttps`",
        undefined,
      ),
      null,
    ),
    placeholder: "source",
  },
} as const satisfies OptionTable<JsonData>;

/** All settings of a run that classifies. */
export type TrainingSettings = OptionValues<typeof SETTINGS>;

/** Settings as code writes them: `data`, and those that differ from the recipe and the defaults. */
export type TrainingSettingsInput = OptionInputsWith<typeof SETTINGS, "data">;

/** Settings of one training step: those of `STEP_SETTINGS`. */
export type StepSettingsInput = Pick<TrainingSettingsInput, (typeof STEP_SETTINGS)[number]>;

/** 0 and none both mean that no averages are kept. */
function emaDecayOption(): Option<number | null> {
  const doc = "decay of the exponential moving average (EMA) of the weights, or none; the EMA weights are evaluated and exported";
  const option = nullable(fractionOption(doc, undefined), undefined);
  const zeroIsNone = (given: unknown) => {
    const value = option.parse(given);
    return value === 0 ? null : value;
  };
  return { ...option, placeholder: "decay", parse: zeroIsNone };
}

/** Any text: what names no parameter is found where the network is known. */
function multipliersOption(): Option<string> {
  return {
    ...textOption("learning-rate multipliers by parameter path, last match wins, e.g. fc.*=10", ""),
    placeholder: "spec",
    parse: (given) => (typeof given === "string" ? given : undefined),
  };
}

/** The settings that are part of a training step; a learning rate is fed. */
export const STEP_SETTINGS = [
  "auxWeight",
  "emaDecay",
  "batchSize",
  "batchNormDecay",
  "clipNorm",
  "clipValue",
  "weightDecayOn",
  "learningRateMultipliers",
  "layerDecay",
  "freeze",
  "freezeBatchNorm",
  "initializer",
  "labelSmoothing",
  "optimizer",
  "recipe",
  "checkpointActivations",
  "seed",
  "weights",
] as const satisfies readonly (keyof TrainingSettings)[];

/** Whose options settings are, for messages. */
export const RUN = "a run";

/**
 * All settings of a run: the given ones, read and checked, over those of the recipe.
 *
 * @param given - as it comes from a command line or a config.json: names of `TrainingSettings`, anything as values
 * @throws InceptionError OPTION_INVALID naming the setting, the value and what is accepted; for an unknown setting too
 *
 * @example
 * ```ts
 * import { resolveSettings } from "inceptionkit/train";
 * resolveSettings({ data: "shapes10", recipe: "scratch", epochs: "5" }).epochs; // 5
 * ```
 */
export function resolveSettings(given: OptionInput): TrainingSettings {
  const usual = given.weights === undefined || given.weights === null ? "scratch" : "finetune";
  const recipe = readOption(RUN, "recipe", SETTINGS.recipe, given.recipe ?? usual);
  const { source, ...named } = RECIPES[recipe];
  const own = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  return resolveOptions(RUN, SETTINGS, { ...named, ...own, recipe });
}

/** Settings as they are written to config.json. */
export function settingsJson(settings: JsonRecord): JsonRecord {
  return { ...settings };
}

/** The schedule of a run; where it needs a length and has none, it is the number of epochs. */
export function runSchedule(settings: Pick<TrainingSettings, "schedule" | "learningRate" | "epochs">) {
  const { schedule, learningRate, epochs } = settings;
  return scheduleOf({ learningRate, ...lengthOf(schedule, epochs), ...schedule });
}

function lengthOf(schedule: Readonly<Record<string, unknown>>, epochs: number): { readonly length?: number } {
  return endsWithRun(schedule) ? { length: epochs } : {};
}

/** Whether a schedule needs a length and has none, so that it is as long as the run. */
export function endsWithRun({ name, length }: Readonly<Record<string, unknown>>): boolean {
  return (name === "cosine" || name === "polynomial") && length === undefined;
}
