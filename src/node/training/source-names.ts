/** What data and weights are called in files that leave this machine: exports, checkpoints and reports have no local paths. */
import path from "node:path";
import { fileURLToPath } from "node:url";
import type { StartingWeights } from "../../tasks/training/run-network.js";
import type { JsonRecord } from "../../train/json.js";
import type { RunConfig } from "../open-run.js";

/**
 * The name of a source without where it is: the last part of a path, an address without credentials and query, and names such as
 * `hf:owner/name` and `pretrained` as they are.
 */
export function sourceName(source: string): string {
  if (/^(hf:|pretrained(:|$))/.test(source)) return source;
  const url = /^(https?|file):/i.test(source) && URL.canParse(source) ? new URL(source) : null;
  if (url?.protocol === "file:") return path.basename(fileURLToPath(url));
  return url === null ? path.basename(path.resolve(source)) : `${url.origin}${url.pathname}`;
}

/** Settings as files that leave this machine have them: data and weights by name. `config.json` keeps the paths, which resuming needs. */
export function namedSettings(settings: JsonRecord): JsonRecord {
  const named = ["data", "valData", "weights"].flatMap((key) => {
    const value = settings[key];
    return typeof value === "string" ? [[key, sourceName(value)] as const] : [];
  });
  return { ...settings, ...Object.fromEntries(named) };
}

/** The starting weights in a run's config.json; null where it was begun without, or by a version that did not record them. */
export function readStartingWeights({ startingWeights }: RunConfig): StartingWeights | null {
  const { name, sha256, licence } = startingWeights ?? {};
  if (typeof name !== "string" || typeof licence !== "string") return null;
  return { name, sha256: typeof sha256 === "string" ? sha256 : null, licence };
}

/** Starting weights as configurations and reports have them; no entry where there are none. */
export function startingWeightsJson(startingWeights: StartingWeights | null): Pick<RunConfig, "startingWeights"> {
  return startingWeights === null ? {} : { startingWeights: { ...startingWeights } };
}
