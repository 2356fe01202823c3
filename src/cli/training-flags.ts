/** The flags of settings: names, help and values, made from the tables of settings. */
import type { Option, OptionTable } from "../options.js";
import { RECIPE_NAMES, RECIPES, type Recipe } from "../train/recipes.js";
import type { SEGMENTATION_SETTINGS } from "../train/segmentation-settings.js";
import type { SETTINGS } from "../train/settings.js";
import type { Flag, FlagGroups, Flags, Heading } from "./command.js";
import { formatTable } from "./io.js";
import { flagKey, inFlags, OPERANDS, optionFlagName } from "./option-words.js";
import { WEIGHTS } from "./shared-flags.js";

/** The heading of each setting's flag, in the order in which `--help` shows them. `data` is an operand. */
const HEADING_OF: Readonly<Record<Exclude<keyof typeof SETTINGS | keyof typeof SEGMENTATION_SETTINGS, "data">, Heading>> = {
  valData: "Data",
  valFraction: "Data",
  fold: "Data",
  folds: "Data",
  spacing: "Data",
  patchSize: "Data",
  patchesPerCase: "Data",
  foregroundFraction: "Data",
  weights: "Model",
  freeze: "Model",
  unfreeze: "Model",
  freezeBatchNorm: "Model",
  initializer: "Model",
  recipe: "Optimization",
  loss: "Optimization",
  epochs: "Optimization",
  batchSize: "Optimization",
  accumulate: "Optimization",
  optimizer: "Optimization",
  learningRate: "Optimization",
  schedule: "Optimization",
  learningRateMultipliers: "Optimization",
  layerDecay: "Optimization",
  weightDecayOn: "Optimization",
  labelSmoothing: "Optimization",
  auxWeight: "Optimization",
  clipNorm: "Optimization",
  clipValue: "Optimization",
  emaDecay: "Optimization",
  batchNormDecay: "Optimization",
  metric: "Optimization",
  patience: "Optimization",
  calibration: "Optimization",
  augmentation: "Augmentation",
  mixup: "Augmentation",
  cutmix: "Augmentation",
  checkpointActivations: "Runtime",
  seed: "Runtime",
  checkpointEvery: "Output",
  keepCheckpoints: "Output",
};

/** Settings of a table that are flags. */
export function flagSettings(settings: OptionTable<unknown>): readonly string[] {
  return Object.keys(settings).filter((name) => !OPERANDS.includes(name));
}

/** A flag for each setting of a table, made from the table, in the order in which `--help` shows them. */
export function settingFlags(settings: OptionTable<unknown>): FlagGroups {
  const groups: Partial<Record<Heading, readonly Flag[]>> = {};
  for (const [name, heading] of Object.entries(HEADING_OF)) {
    const option = settings[name];
    if (option !== undefined) groups[heading] = [...(groups[heading] ?? []), optionFlag(name, option)];
  }
  return groups;
}

/** The flags of the settings of a training step, under a heading of their own; the weights belong to the model. */
export function stepFlags(settings: OptionTable<unknown>, names: readonly string[]): FlagGroups {
  const flags = Object.keys(HEADING_OF).flatMap((name) => {
    const option = settings[name];
    return option === undefined || name === "weights" || !names.includes(name) ? [] : [optionFlag(name, option)];
  });
  return { Model: [WEIGHTS], "Training step (only with --training-step)": flags };
}

/** What the recipes set, for `train --help`. */
export function recipeNotes(): string {
  const rows = RECIPE_NAMES.map((name) => {
    const { epochs, batchSize, optimizer, learningRate, augmentation, emaDecay, freeze }: Recipe = RECIPES[name];
    const other = [
      ...(optimizer.nesterov === true ? ["Nesterov"] : []),
      ...(freeze === "none" ? [] : [`frozen ${freeze}`]),
      ...(emaDecay === null ? [] : [`EMA ${emaDecay}`]),
    ];
    return [name, String(epochs), String(batchSize), String(optimizer.name), String(learningRate), augmentation, other.join(", ")];
  });
  const [header = "", , ...lines] = formatTable(["recipe", "epochs", "batch", "optimizer", "lr", "augmentation", "other"], rows, [1, 2])
    .trimEnd()
    .split("\n");
  return ["Recipe defaults:", ...[header, ...lines].map((line) => `  ${line}`), '  GoogLeNet: "paper" selects googlenet_paper.'].join("\n");
}

/** The flag of an option: its help, with the default as text. */
export function optionFlag(name: string, option: Option<unknown, unknown>): Flag {
  const { doc, placeholder, choices } = option;
  const value = placeholder === null ? "" : ` <${placeholder}>`;
  const listed = choices === undefined ? "" : `: ${choices.join(", ")}`;
  return [`${optionFlagName(name)}${value}`, `${inFlags(doc)}${listed}`, defaultText(option)];
}

function defaultText({ default: value, defaultDoc }: Option<unknown, unknown>): string {
  if (defaultDoc !== undefined) return inFlags(defaultDoc);
  return value === undefined ? "from --recipe" : settingText(value);
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
      const value = flags[flagKey(name)];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}
