/** Everything that a person can set about a run, with its checks. A run's config.json holds exactly these. */
import { parseAugmentation } from "../data/augment/augmentation.js";
import { DECAY_TARGETS, type DecayTarget, optimizerOf, scheduleOf } from "../optim/index.js";
import { INITIALIZERS, type Initializer } from "../weights/initialize.js";
import { METRICS, type Metric } from "./history.js";
import type { JsonData, JsonRecord } from "./json.js";
import { RECIPES, type Recipe, type RecipeName } from "./recipes.js";
import {
  checkedJson,
  choice,
  flag,
  integer,
  number,
  orNull,
  readSetting,
  readSettings,
  type Setting,
  type SettingTable,
  scalarRecord,
  text,
} from "./setting.js";

export interface TrainingSettings extends Omit<Recipe, "source" | "augmentation"> {
  /** Where the images are; see `openDataset`. */
  readonly data: string;
  /** Images to measure on, where they are somewhere else. */
  readonly val: string | null;
  /** Share of the images that is set aside to measure on, where the data does not say. */
  readonly valFraction: number;
  /** Weights to begin with; null to begin from scratch. */
  readonly weights: string | null;
  readonly recipe: RecipeName;
  readonly seed: number;
  /** Batches whose gradients make one step; a step sees batch × accumulate images. */
  readonly accumulate: number;
  readonly augmentation: JsonData;
  /** Factors on learning rates by pattern of paths, as in "fc.*=10". */
  readonly factors: string;
  readonly clipValue: number | null;
  /** Normalise with the running statistics of the weights throughout. */
  readonly freezeBatchNorm: boolean;
  /** Compute inner values again in the backward pass instead of keeping them. */
  readonly recompute: boolean;
  /** Steps between checkpoints inside an epoch; 0 for none. */
  readonly checkpointEvery: number;
  /** What the best epoch is chosen by. */
  readonly metric: Metric;
  /** Epochs without improvement after which training stops; 0 for never. */
  readonly patience: number;
  /** Best epochs whose checkpoints are kept. */
  readonly keep: number;
}

/** Each setting; the command's flags are made from this table. */
export const SETTINGS: SettingTable<TrainingSettings> = {
  accumulate: integer("accumulate gradients over this many batches per optimizer step", 1, 4096),
  augmentation: {
    placeholder: "text",
    doc: "training augmentation: none, light, cifar, inception, or a JSON object",
    expected: "none, light, inception, cifar, or a JSON record of an augmentation",
    parse: (given) => checkedJson(given, (value) => parseAugmentation(value, "the settings")),
  },
  auxWeight: number("loss weight of each auxiliary classifier", 0, 100),
  averageDecay: averageDecaySetting(),
  batch: integer("images per batch", 1, 4096),
  batchNormDecay: number("decay of the batch-norm running statistics (1 - PyTorch's momentum)", 0, 1 - 1e-9),
  checkpointEvery: integer("also save a checkpoint every n steps within an epoch; 0 saves after epochs only", 0, 1e9),
  clipNorm: orNull(number("clip gradients to this global norm, or none", 1e-9, 1e9)),
  clipValue: orNull(number("clip each gradient element to [-value, value], before --clip-norm", 1e-9, 1e9)),
  cutmix: number("CutMix alpha; 0 disables", 0, 1000),
  data: text("training data: image folder (one directory per class), list (.csv, .tsv, .jsonl), WebDataset .tar shards, or shapes10"),
  decayOn: choice<DecayTarget>("parameters with weight decay", Object.keys(DECAY_TARGETS) as DecayTarget[]),
  epochs: integer("number of training epochs", 1, 1e6),
  factors: {
    placeholder: "text",
    doc: "learning-rate multipliers by parameter path, last match wins, e.g. fc.*=10",
    expected: "text",
    parse: (given) => (typeof given === "string" ? given : undefined),
  },
  freeze: text(
    "parameters to freeze: none, head (train only the classifier), last:K (train the last K stages and the classifier), or path patterns with *",
  ),
  freezeBatchNorm: flag("use the stored batch-norm running statistics and do not update them"),
  initializer: choice<Initializer>("initializer for parameters without pretrained values", INITIALIZERS),
  keep: integer("number of best epochs whose checkpoints are kept", 0, 1000),
  labelSmoothing: number("label smoothing, in [0, 1)", 0, 1 - 1e-9),
  learningRate: number("base learning rate", 0, 1000),
  metric: choice<Metric>("metric for the best checkpoint and early stopping", Object.keys(METRICS) as Metric[]),
  mixup: number("mixup alpha; 0 disables", 0, 1000),
  optimizer: {
    placeholder: "text",
    doc: "optimizer and options, e.g. sgd:momentum=0.9,weightDecay=1e-4; sgd, adamw, adam, rmsprop, rmsprop_tf, adagrad, adadelta",
    expected: "name:option=value,… of an optimiser, as in sgd:momentum=0.9",
    parse: (given) => scalarRecord(given, (record) => optimizerOf(record)),
  },
  patience: integer("stop after this many epochs without improvement; 0 disables early stopping", 0, 1e6),
  recipe: choice<RecipeName>("training recipe; other flags override it", Object.keys(RECIPES) as RecipeName[]),
  recompute: flag("recompute activations in the backward pass: less memory, more time"),
  schedule: {
    placeholder: "text",
    doc: "learning-rate schedule and options, e.g. cosine:unit=fractional_epoch,warmUp=1; constant, cosine, exponential, polynomial, step",
    expected: "name:option=value,… of a schedule, as in step:unit=epoch,every=30",
    parse: (given) => scalarRecord(given, (record) => scheduleOf({ learningRate: 1, ...lengthOf(record, 1), ...record })),
  },
  seed: integer("random seed", 0, 2 ** 32 - 1),
  val: orNull(text("separate validation data, in any format DATA accepts")),
  valFraction: number("fraction of the images held out for validation if DATA has no validation split", 0, 1 - 1e-9),
  weights: orNull(
    text("initialize from pretrained weights: pretrained[:NAME], hf:OWNER/NAME[@REVISION], a file, or an https: URL with --allow-https"),
  ),
};

/** 0 and none both mean that no averages are kept. */
function averageDecaySetting(): Setting<number | null> {
  const doc = "decay of the exponential moving average (EMA) of the weights, or none; the EMA weights are evaluated and exported";
  const { parse, ...setting } = orNull(number(doc, 0, 1 - 1e-9));
  const zeroIsNone = (given: unknown) => {
    const value = parse(given);
    return value === 0 ? null : value;
  };
  return { ...setting, expected: "a number in [0, 1), or none", parse: zeroIsNone };
}

/** The settings that are part of a training step; a learning rate is fed. */
export const STEP_SETTINGS = [
  "auxWeight",
  "averageDecay",
  "batch",
  "batchNormDecay",
  "clipNorm",
  "clipValue",
  "decayOn",
  "factors",
  "freeze",
  "freezeBatchNorm",
  "initializer",
  "labelSmoothing",
  "optimizer",
  "recipe",
  "recompute",
  "seed",
  "weights",
] as const satisfies readonly (keyof TrainingSettings)[];

/** Defaults of the settings that no recipe has. */
export const COMMON_DEFAULTS = {
  accumulate: 1,
  checkpointEvery: 0,
  clipValue: null,
  factors: "",
  freezeBatchNorm: false,
  keep: 1,
  metric: "top1",
  patience: 0,
  recompute: false,
  seed: 1,
  val: null,
  valFraction: 0.2,
  weights: null,
} as const;

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
export function resolveSettings(given: Readonly<Record<string, unknown>>): TrainingSettings {
  const recipe = readSetting(
    "recipe",
    SETTINGS.recipe,
    given.recipe ?? (given.weights === undefined || given.weights === null ? "scratch" : "finetune"),
  );
  const { source, ...named } = RECIPES[recipe];
  return readSettings(SETTINGS, { ...given, recipe }, { ...COMMON_DEFAULTS, ...named });
}

/** Settings as they are written to config.json. */
export function settingsJson<T extends Readonly<Record<keyof T, JsonData>>>(settings: T): JsonRecord {
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
