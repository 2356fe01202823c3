/** Where the data and weights of a run are, from whichever directory it is resumed. */
import { stat } from "node:fs/promises";
import path from "node:path";
import { InceptionError, messageOf } from "../errors.js";
import type { JsonRecord } from "../train/json.js";
import { expandBraces } from "./datasets/tar-shards.js";
import type { Run } from "./open-run.js";

/** Settings that may name files: training data, validation data, pretrained weights. */
const SOURCES = ["data", "valData", "weights"] as const;
type SourceName = (typeof SOURCES)[number];
const TITLES: Readonly<Record<SourceName, string>> = { data: "data", valData: "validation data", weights: "weights" };

/** Schemes such as hf: and https:, the names of known weights, and data that is computed. One letter before a colon is a drive. */
const NO_PATH = /^([A-Za-z][A-Za-z0-9+.-]+:|pretrained$|shapes10(\?|$))/;

/**
 * The relative paths among a run's settings as paths from the directory of the run, so that they are found from any directory,
 * and after a project is moved as a whole. Absolute paths are found anyway.
 */
export async function placesOf(folder: string, settings: JsonRecord): Promise<Readonly<Record<string, string>>> {
  const places: [string, string][] = [];
  for (const name of SOURCES) {
    const source = settings[name];
    if (typeof source !== "string" || !isRelative(source) || !(await exists(source))) continue;
    const place = path.relative(path.resolve(folder), path.resolve(source));
    // Another drive of Windows has no relative path.
    if (!path.isAbsolute(place)) places.push([name, place]);
  }
  return Object.fromEntries(places);
}

/**
 * A source that a run names: relative to the directory of the run where it is known, else to the current directory.
 *
 * @param source - as the run's settings have it
 * @throws InceptionError DATASET_INVALID naming where it was looked for
 */
export async function locateSource<T extends string | null>({ folder, config }: Run, name: SourceName, source: T): Promise<T | string> {
  if (source === null || !isRelative(source)) return source;
  const place = config.places?.[name];
  const known = typeof place === "string" ? path.resolve(folder, place) : null;
  const current = path.resolve(source);
  if (known !== null && known !== current && (await exists(known))) return known;
  if (await exists(source)) return source;
  const looked = [...new Set([...(known === null ? [] : [known]), current])].map((file) => `"${messageOf(file)}"`).join(" or ");
  throw new InceptionError(
    "DATASET_INVALID",
    `Cannot open the ${TITLES[name]} of run "${messageOf(folder)}": "${messageOf(source)}" was not found at ${looked}; change to the directory in which the run was started`,
    { folder, source },
  );
}

function isRelative(source: string): boolean {
  return !NO_PATH.test(source) && !path.isAbsolute(source);
}

/** Of several shards the first decides. */
async function exists(source: string): Promise<boolean> {
  const [first = source] = /\{\d+\.\.\d+\}/.test(source) ? expandBraces(source) : [source];
  return stat(first).then(
    () => true,
    () => false,
  );
}
