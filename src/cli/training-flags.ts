import { SETTINGS, type TrainingSettings } from "../train/settings.js";
import type { Flag, Flags } from "./command.js";
import { flagName } from "./flags.js";

type Name = keyof TrainingSettings;

/** A setting whose flag has another name. */
const OTHER_NAMES: Partial<Record<Name, string>> = { recompute: "checkpointActivations" };

/** What a command line says as an operand. */
const OPERANDS: readonly Name[] = ["data"];

/** Settings of a run that are flags. */
export const SETTING_NAMES: readonly Name[] = Object.keys(SETTINGS)
  // The table's own keys.
  .map((name) => name as Name)
  .filter((name) => !OPERANDS.includes(name));

/** A flag for each of these settings, made from their table. */
export function settingFlags(names: readonly Name[] = SETTING_NAMES): readonly Flag[] {
  return names.map((name) => {
    const { doc, placeholder, expected } = SETTINGS[name];
    const value = placeholder === null ? "" : ` <${placeholder}>`;
    const choices = placeholder === "name" ? `: ${expected}` : "";
    return [`${flagName(OTHER_NAMES[name] ?? name)}${value}`, `${doc}${choices}`];
  });
}

/** What a command line sets of these settings, as it was written; `resolveSettings` reads and checks it. */
export function givenSettings(flags: Flags, names: readonly Name[] = SETTING_NAMES): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = flags[OTHER_NAMES[name] ?? name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}
