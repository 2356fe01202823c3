import type { Setting } from "../train/setting.js";
import type { Flag, Flags, Heading } from "./command.js";
import { flagName } from "./flags.js";

/** Heading and placeholder of each setting in `--help`. */
const SHOWN: Readonly<Record<string, readonly [heading: Heading, placeholder: string]>> = {
  val: ["Data", "source"],
  valFraction: ["Data", "fraction"],
  fold: ["Data", "n|all|none"],
  folds: ["Data", "n"],
  spacing: ["Data", "XxYxZ"],
  patchSize: ["Data", "XxYxZ"],
  patchesPerCase: ["Data", "n"],
  foregroundShare: ["Data", "fraction"],
  weights: ["Model", "source"],
  freeze: ["Model", "what"],
  freezeBatchNorm: ["Model", ""],
  initializer: ["Model", "name"],
  recipe: ["Optimization", "name"],
  loss: ["Optimization", "name"],
  epochs: ["Optimization", "n"],
  batch: ["Optimization", "n"],
  accumulate: ["Optimization", "n"],
  optimizer: ["Optimization", "spec"],
  learningRate: ["Optimization", "rate"],
  schedule: ["Optimization", "spec"],
  factors: ["Optimization", "spec"],
  decayOn: ["Optimization", "set"],
  labelSmoothing: ["Optimization", "fraction"],
  auxWeight: ["Optimization", "weight"],
  clipNorm: ["Optimization", "norm"],
  clipValue: ["Optimization", "value"],
  averageDecay: ["Optimization", "decay"],
  batchNormDecay: ["Optimization", "decay"],
  metric: ["Optimization", "name"],
  patience: ["Optimization", "n"],
  augmentation: ["Augmentation", "name|json"],
  mixup: ["Augmentation", "alpha"],
  cutmix: ["Augmentation", "alpha"],
  recompute: ["Runtime", ""],
  seed: ["Runtime", "n"],
  checkpointEvery: ["Output", "n"],
  keep: ["Output", "n"],
};

/** Settings by name, as `SETTINGS` of runs that classify and of those that segment have them. */
type Settings = Readonly<Record<string, Pick<Setting<unknown>, "doc" | "placeholder" | "expected">>>;

/** A setting whose flag has another name. */
const OTHER_NAMES: Readonly<Record<string, string>> = { recompute: "checkpointActivations" };

/** What a command line says as an operand. */
const OPERANDS: readonly string[] = ["data"];

/** Settings of a table that are flags. */
export function flagSettings(settings: Settings): readonly string[] {
  return Object.keys(settings).filter((name) => !OPERANDS.includes(name));
}

/**
 * A flag for each of these settings, made from their table, in the order in which `--help` shows them.
 *
 * @param defaults - of settings by name; the others come from a recipe
 */
export function settingFlags(
  settings: Settings,
  defaults: Readonly<Record<string, unknown>>,
  names: readonly string[] = flagSettings(settings),
): readonly Flag[] {
  return Object.entries(SHOWN).flatMap(([name, [heading, word]]) => {
    const setting = settings[name];
    if (setting === undefined || !names.includes(name)) return [];
    const { doc, placeholder, expected } = setting;
    const value = word === "" ? "" : ` <${word}>`;
    const choices = placeholder === "name" ? `: ${expected}` : "";
    const fallback = defaultText(name, defaults, expected);
    return [[`${settingFlag(name)}${value}`, `${doc}${choices} (default: ${fallback})`, undefined, heading] as const];
  });
}

/** Only a text: the value itself is the settings' own business, since a flag that is given counts as an override. */
function defaultText(name: string, defaults: Readonly<Record<string, unknown>>, expected: string): string {
  if (name === "recipe") return "finetune with --weights, else scratch";
  if (name === "val") return "DATA's own validation split, else a held-out fraction";
  if (!Object.hasOwn(defaults, name)) return "from --recipe";
  const value = defaults[name];
  return value === null && expected.endsWith("or planned") ? "planned from the data" : settingText(value);
}

/** What a command line calls a setting. */
export function settingFlag(name: string): string {
  return OPERANDS.includes(name) ? name.toUpperCase() : flagName(OTHER_NAMES[name] ?? name);
}

/** The value of a setting as its flag takes it. */
export function settingText(value: unknown): string {
  if (value === null || value === "") return "none";
  if (typeof value === "boolean") return value ? "on" : "off";
  if (Array.isArray(value)) return value.join("x");
  if (typeof value === "object") return "name" in value ? specOf(value) : JSON.stringify(value);
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** `sgd:momentum=0.9`, as the flag takes it. */
function specOf(record: object): string {
  const shown = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));
  const entries = Object.entries<unknown>({ ...record });
  const [name = "", ...options] = entries.map(([key, value]) => (key === "name" ? shown(value) : `${key}=${shown(value)}`));
  return options.length === 0 ? name : `${name}:${options.join(",")}`;
}

/** What a command line sets of these settings, as it was written; whoever resolves the settings reads and checks it. */
export function givenSettings(flags: Flags, names: readonly string[]): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = flags[OTHER_NAMES[name] ?? name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}
