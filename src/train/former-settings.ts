/** Settings as earlier versions named them: config.json of older runs has these names and values. */
import type { JsonData, JsonRecord } from "./json.js";

/** What a setting is called now, by its former name. */
const FORMER_NAMES: Readonly<Record<string, string>> = {
  averageDecay: "emaDecay",
  batch: "batchSize",
  decayOn: "weightDecayOn",
  factors: "learningRateMultipliers",
  foregroundShare: "foregroundFraction",
  keep: "keepCheckpoints",
  recompute: "checkpointActivations",
  val: "valData",
};

/** Stored settings under their current names and with their current values. */
export function currentSettings(stored: JsonRecord): JsonRecord {
  const entries = Object.entries(stored).map(([name, value]): readonly [string, JsonData] => [
    Object.hasOwn(FORMER_NAMES, name) ? (FORMER_NAMES[name] ?? name) : name,
    typeof value === "string" ? currentValue(name, value) : value,
  ]);
  return Object.fromEntries(entries);
}

/** The text of a setting's value, which an earlier version may have written differently. */
export function currentValue(setting: string, value: string): string {
  if (setting === "augmentation" && value === "usual") return "default";
  if (setting !== "freeze") return value;
  return value === "head" ? "backbone" : value.replace(/^last:/, "except-last:");
}
