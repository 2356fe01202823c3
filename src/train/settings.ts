/** Everything that a person can set about a run, with its checks. A run's config.json holds exactly these. */
import { parseAugmentation } from "../data/augment/augmentation.js";
import { InceptionError } from "../errors.js";
import { DECAY_TARGETS, type DecayTarget, optimizerOf, scheduleOf } from "../optim/index.js";
import { INITIALIZERS, type Initializer } from "../weights/initialize.js";
import { METRICS, type Metric } from "./history.js";
import { decodeJson, isJsonRecord, type JsonData, type JsonRecord } from "./json.js";
import { RECIPES, type Recipe, type RecipeName } from "./recipes.js";

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

export interface Setting<T> {
  readonly doc: string;
  /** What a value is called where it is asked for: <number>, <text>, <name> of a list; null for a flag, which needs none. */
  readonly placeholder: "number" | "text" | "name" | null;
  readonly expected: string;
  /** The value of what a file or a command line says, or undefined where it is not acceptable. */
  readonly parse: (given: unknown) => T | undefined;
}

/** Each setting; the command's flags are made from this table. */
export const SETTINGS: { readonly [K in keyof TrainingSettings]: Setting<TrainingSettings[K]> } = {
  accumulate: integer("batches whose gradients make one step", 1, 4096),
  augmentation: {
    placeholder: "text",
    doc: "what is changed at random in training images: none, light, inception, cifar or JSON",
    expected: "none, light, inception, cifar, or a JSON record of an augmentation",
    parse: (given) => checkedJson(given, (value) => parseAugmentation(value, "the settings")),
  },
  auxWeight: number("weight of each auxiliary loss", 0, 100),
  averageDecay: orNull(number("decay of the moving average of parameters, which is then evaluated and exported", 1e-9, 1 - 1e-9)),
  batch: integer("images that run together", 1, 4096),
  batchNormDecay: number("share of the running statistics that a step keeps", 0, 1 - 1e-9),
  checkpointEvery: integer("steps between checkpoints inside an epoch; 0 for none", 0, 1e9),
  clipNorm: orNull(number("largest norm of the gradients", 1e-9, 1e9)),
  clipValue: orNull(number("largest element of the gradients", 1e-9, 1e9)),
  cutmix: number("parameter of cutmix; 0 for none", 0, 1000),
  data: text("a folder of images by class, a list (.csv, .jsonl), tar shards, or shapes10"),
  decayOn: choice<DecayTarget>("what weight decay acts on", Object.keys(DECAY_TARGETS) as DecayTarget[]),
  epochs: integer("passes over the training images", 1, 1e6),
  factors: {
    placeholder: "text",
    doc: "factors on the learning rate by path, as in fc.*=10",
    expected: "text",
    parse: (given) => (typeof given === "string" ? given : undefined),
  },
  freeze: text("what is not trained: none, head, last:k, or paths with * for any characters"),
  freezeBatchNorm: flag("normalise with the running statistics of the weights throughout"),
  initializer: choice<Initializer>("how parameters begin without weights", INITIALIZERS),
  keep: integer("best epochs whose checkpoints are kept", 0, 1000),
  labelSmoothing: number("share of the target that is spread over all classes", 0, 1 - 1e-9),
  learningRate: number("learning rate that the schedule starts from", 0, 1000),
  metric: choice<Metric>("what the best epoch is chosen by", Object.keys(METRICS) as Metric[]),
  mixup: number("parameter of mixup; 0 for none", 0, 1000),
  optimizer: {
    placeholder: "text",
    doc: "optimiser, as in sgd:momentum=0.9,weightDecay=1e-4",
    expected: "name:option=value,… of an optimiser, as in sgd:momentum=0.9",
    parse: (given) => scalarRecord(given, (record) => optimizerOf(record)),
  },
  patience: integer("epochs without improvement after which training stops; 0 for never", 0, 1e6),
  recipe: choice<RecipeName>("settings with a name", Object.keys(RECIPES) as RecipeName[]),
  recompute: flag("compute inner values again in the backward pass instead of keeping them: less memory, more time"),
  schedule: {
    placeholder: "text",
    doc: "schedule of the learning rate, as in cosine:unit=fractional_epoch,warmUp=1",
    expected: "name:option=value,… of a schedule, as in step:unit=epoch,every=30",
    parse: (given) => scalarRecord(given, (record) => scheduleOf({ learningRate: 1, ...lengthOf(record, 1), ...record })),
  },
  seed: integer("seed of everything random", 0, 2 ** 32 - 1),
  val: orNull(text("images to measure on, where they are somewhere else")),
  valFraction: number("share of the images that is set aside to measure on, where the data does not say", 0, 1 - 1e-9),
  weights: orNull(text("weights to begin with: hf:owner/name, or a file")),
};

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

/** What no recipe says. */
const COMMON = {
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
  const unknown = Object.keys(given).filter((name) => !Object.hasOwn(SETTINGS, name));
  if (unknown.length > 0) {
    throw new InceptionError("OPTION_INVALID", `Cannot set ${unknown.join(", ")} of a run: expected ${Object.keys(SETTINGS).join(", ")}`, {
      unknown,
    });
  }
  const recipe = readSetting("recipe", given.recipe ?? (given.weights === undefined || given.weights === null ? "scratch" : "finetune"));
  const { source, ...named } = RECIPES[recipe];
  const merged: Readonly<Record<string, unknown>> = { ...COMMON, ...named, ...definedOnly(given), recipe };
  const values = Object.keys(SETTINGS).map((name) => [name, readSetting(name as keyof TrainingSettings, merged[name])]);
  // Each entry was parsed by the setting of the same name, which is what the table's type says.
  return Object.fromEntries(values) as TrainingSettings;
}

/** Settings as they are written to config.json. */
export function settingsJson(settings: TrainingSettings): JsonRecord {
  return { ...settings };
}

/** The schedule of a run; where it needs a length and has none, it is the number of epochs. */
export function runSchedule(settings: TrainingSettings) {
  const { schedule, learningRate, epochs } = settings;
  return scheduleOf({ learningRate, ...lengthOf(schedule, epochs), ...schedule });
}

function lengthOf(schedule: Readonly<Record<string, unknown>>, epochs: number): { readonly length?: number } {
  return schedule.name === "cosine" || schedule.name === "polynomial" ? { length: epochs } : {};
}

function readSetting<K extends keyof TrainingSettings>(name: K, given: unknown): TrainingSettings[K] {
  const { parse, expected } = SETTINGS[name];
  const value = parse(given);
  if (value !== undefined) return value;
  const fact =
    given === undefined ? `Cannot train without ${name}` : `Cannot set ${name} of a run to ${JSON.stringify(given) ?? typeof given}`;
  throw new InceptionError("OPTION_INVALID", `${fact}: expected ${expected}`, { name, given });
}

function definedOnly(given: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

function toNumber(given: unknown): number | undefined {
  const value = typeof given === "string" && given.trim() !== "" ? Number(given) : given;
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}

function number(doc: string, least: number, most: number): Setting<number> {
  const parse = (given: unknown) => {
    const value = toNumber(given);
    return value !== undefined && value >= least && value <= most ? value : undefined;
  };
  return { doc, placeholder: "number", expected: `a number in [${least}, ${most}]`, parse };
}

function integer(doc: string, least: number, most: number): Setting<number> {
  const inner = number(doc, least, most);
  const parse = (given: unknown) => {
    const value = inner.parse(given);
    return value !== undefined && Number.isInteger(value) ? value : undefined;
  };
  return { doc, placeholder: "number", expected: `a whole number in [${least}, ${most}]`, parse };
}

function text(doc: string): Setting<string> {
  return {
    doc,
    placeholder: "text",
    expected: "text",
    parse: (given) => (typeof given === "string" && given.trim() !== "" ? given : undefined),
  };
}

function flag(doc: string): Setting<boolean> {
  const parse = (given: unknown) => (given === true || given === "true" ? true : given === false || given === "false" ? false : undefined);
  return { doc, placeholder: null, expected: "true or false", parse };
}

function choice<C extends string>(doc: string, choices: readonly C[]): Setting<C> {
  return { doc, placeholder: "name", expected: choices.join(", "), parse: (given) => choices.find((candidate) => candidate === given) };
}

function orNull<T>({ doc, placeholder, expected, parse }: Setting<T>): Setting<T | null> {
  return {
    doc,
    placeholder,
    expected: `${expected}, or none`,
    parse: (given) => (given === null || given === "none" ? null : parse(given)),
  };
}

type ScalarRecord = Readonly<Record<string, number | string | boolean | readonly number[]>>;

/** `name:option=value,…` or a record, checked by what it is for. Throws as `check` does. */
function scalarRecord(given: unknown, check: (record: ScalarRecord) => unknown): ScalarRecord | undefined {
  const record = typeof given === "string" ? recordOfText(given) : given;
  if (typeof record !== "object" || record === null || Array.isArray(record)) return undefined;
  const entries = Object.entries(record).filter((entry): entry is [string, number | string | boolean | readonly number[]] =>
    isScalar(entry[1]),
  );
  if (entries.length !== Object.keys(record).length) return undefined;
  const scalars = Object.fromEntries(entries);
  check(scalars);
  return scalars;
}

function isScalar(value: unknown): value is number | string | boolean | readonly number[] {
  return (
    ["number", "string", "boolean"].includes(typeof value) || (Array.isArray(value) && value.every((item) => typeof item === "number"))
  );
}

function recordOfText(given: string): ScalarRecord | undefined {
  const [name = "", rest = ""] = given.split(/:(.*)/s);
  const options = rest.split(",").filter((option) => option !== "");
  const pairs = options.map((option) => option.split("="));
  if (pairs.some((pair) => pair.length !== 2)) return undefined;
  return { name, ...Object.fromEntries(pairs.map(([key = "", value = ""]) => [key, scalarOf(value)])) };
}

function scalarOf(value: string): number | string | boolean {
  if (value === "true" || value === "false") return value === "true";
  return toNumber(value) ?? value;
}

function checkedJson(given: unknown, check: (value: unknown) => unknown): JsonData | undefined {
  const value = typeof given === "string" && given.trimStart().startsWith("{") ? decodeJson(given, "the settings") : given;
  check(value);
  if (typeof value === "string") return value;
  // parseAugmentation accepts nothing but records of JSON.
  const json = value as JsonData;
  return isJsonRecord(json) ? json : undefined;
}
