/** Flags and values by the names that they had before 0.2. They work as before, hidden from help, with a warning. */
import { currentValue } from "../train/former-settings.js";
import type { Command, Flags } from "./command.js";
import { flagName } from "./flags.js";
import { unexpected } from "./usage-error.js";

type Renamed = Readonly<Record<string, string>>;

const BATCH: Renamed = { batch: "batchSize" };
const CLASS_NAMES: Renamed = { labels: "classNames" };
const STEP: Renamed = { ...BATCH, factors: "lrMultipliers", averageDecay: "emaDecay", decayOn: "weightDecayOn" };
const TRAINING: Renamed = { ...STEP, keep: "keepCheckpoints" };

/** What the flags of each command are called now, by their former names. */
export const FORMER_FLAGS: Readonly<Record<string, Renamed>> = {
  classify: { ...BATCH, ...CLASS_NAMES },
  diff: { weights: "tensors" },
  embed: { ...BATCH, output: "outputName" },
  eval: { ...BATCH, ...CLASS_NAMES, real: "realLabels" },
  explain: CLASS_NAMES,
  export: { ...STEP, ...CLASS_NAMES, names: "naming" },
  fid: BATCH,
  quantize: { ...BATCH, ...CLASS_NAMES, float: "keepFloat", images: "calibrationSize", rounds: "timingRuns" },
  segment: CLASS_NAMES,
  train: { ...TRAINING, val: "valData" },
  "train-seg": { ...TRAINING, foregroundShare: "foregroundFraction" },
};

/** Flags whose values have other names now. */
const FORMER_VALUES: Readonly<Record<string, readonly string[]>> = {
  export: ["freeze"],
  train: ["freeze"],
  "train-seg": ["augmentation"],
};

/** The former flags of a command, with the notation of what they are called now. */
export function formerFlags({ name, flags }: Command): readonly string[] {
  return Object.entries(FORMER_FLAGS[name] ?? {}).flatMap(([former, current]) => {
    const known = Object.values(flags)
      .flat()
      .find(([notation]) => notation.split(" ")[0] === flagName(current));
    return known === undefined ? [] : [known[0].replace(flagName(current), flagName(former))];
  });
}

/**
 * Flags under their current names, with their current values.
 *
 * @returns the flags, and a warning for each former name or value
 * @throws InceptionError USAGE for a flag that is given under both names
 */
export function currentFlags(command: string, given: Flags): { readonly flags: Flags; readonly warnings: readonly string[] } {
  const renamed = FORMER_FLAGS[command] ?? {};
  const warnings: string[] = [];
  const deprecated = (former: string, current: string) => void warnings.push(`${former} is deprecated; use ${current}`);
  const flags: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(given)) {
    const current = renamed[name] ?? name;
    if (current !== name) deprecated(flagName(name), flagName(current));
    if (current !== name && given[current] !== undefined) {
      const [a, b] = [flagName(name), flagName(current)];
      throw unexpected([a], `it is the former name of ${b}, which is given too`);
    }
    flags[current] = value;
  }
  for (const name of FORMER_VALUES[command] ?? []) {
    const value = flags[name];
    if (typeof value !== "string") continue;
    const current = currentValue(name, value);
    if (current !== value) deprecated(`${flagName(name)} ${value}`, `${flagName(name)} ${current}`);
    flags[name] = current;
  }
  return { flags, warnings };
}
