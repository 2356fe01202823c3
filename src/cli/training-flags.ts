import type { Setting } from "../train/setting.js";
import type { Flag, Flags } from "./command.js";
import { flagName } from "./flags.js";

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

/** A flag for each of these settings, made from their table. */
export function settingFlags(settings: Settings, names: readonly string[] = flagSettings(settings)): readonly Flag[] {
  return names.flatMap((name) => {
    const setting = settings[name];
    if (setting === undefined) return [];
    const { doc, placeholder, expected } = setting;
    const value = placeholder === null ? "" : ` <${placeholder}>`;
    const choices = placeholder === "name" ? `: ${expected}` : "";
    return [[`${flagName(OTHER_NAMES[name] ?? name)}${value}`, `${doc}${choices}`] as const];
  });
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
