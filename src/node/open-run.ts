import { readdir } from "node:fs/promises";
import path from "node:path";
import { type Preprocessing, parsePreprocessing, parseSegmentationConfig, type SegmentationConfig } from "../data/index.js";
import { InceptionError, messageOf } from "../errors.js";
import { type CalibrationRecord, parseCalibrationRecord } from "../predict/confidence-record.js";
import type { CheckpointChoice } from "../tasks/model-host.js";
import { type Checkpoint, type ReadCheckpointOptions, readCheckpoint } from "../train/checkpoint.js";
import { currentSettings } from "../train/former-settings.js";
import { decodeJson, isJsonRecord, isList, type JsonData, type JsonRecord } from "../train/json.js";
import { decodeMetricsLines, type MetricsLine } from "../train/metrics-log.js";
import { volumeAugmentation } from "../train/segmentation-settings.js";
import { type FileSource, openFileSource, readTextFile } from "./file-source.js";
import { factOf, systemErrorCode } from "./system-error.js";

/** Where things lie below the folder of a run. */
export const RUN_FILES = {
  config: "config.json",
  labels: "labels.json",
  preprocessing: "preprocessing.json",
  plan: "plan.json",
  network: "network.json",
  metrics: "metrics.jsonl",
  events: "events",
  checkpoints: "checkpoints",
  last: path.join("checkpoints", "last.safetensors"),
  best: "best.safetensors",
  calibration: "calibration.json",
  report: "report.html",
  validation: "validation",
} as const;

export const CONFIG_FORMAT = "inceptionkit-run";
export const CONFIG_VERSION = 1;

/** The names of 22,000 classes take half a megabyte; configurations less. */
const MAX_JSON_BYTES = 16 * 2 ** 20;
/** A million lines; a longer log would no longer fit into one string with room to spare. */
const MAX_METRICS_BYTES = 256 * 2 ** 20;

/** Contents of config.json. */
export interface RunConfig {
  /** Model id. */
  readonly model: string;
  readonly options: JsonRecord;
  /** Of the description; see `graphHash`. */
  readonly graphHash: string;
  /** Settings that the run was started with: data, recipe and all others; data and weights with their paths. */
  readonly settings: JsonRecord;
  /** Where sources with relative paths are, seen from the directory of the run; runs of earlier versions have none. */
  readonly places?: JsonRecord;
  /** Name, SHA-256 and license of the weights that the run was started from; absent where it was started without. */
  readonly startingWeights?: JsonRecord;
}

/** A run directory on disk. */
export interface Run {
  readonly folder: string;
  readonly config: RunConfig;
  /** Class names by index. */
  readonly labels: readonly string[];
  /** How images become inputs; null where volumes do. */
  readonly preprocessing: Preprocessing | null;
  /** How volumes become inputs and classes labels; null where images are classified. */
  readonly segmentation: SegmentationConfig | null;
  /** Text of network.json, the graph of a custom network (see `encodeGraph`); null where the network is a listed one. */
  readonly network: string | null;
  /** All of plan.json: which cases train, and what the recipe rests on; null where images are classified. */
  readonly plan: JsonRecord | null;
  /** Of the probabilities after an epoch; null where none was fitted, also in runs of earlier versions. */
  readonly calibration: { readonly epoch: number; readonly record: CalibrationRecord } | null;
  readonly hasLast: boolean;
  readonly hasBest: boolean;
  /** Epochs that have a checkpoint of their own, ascending. */
  readonly epochs: readonly number[];
}

/** epoch-003.safetensors: three digits or more, so that names sort as numbers do. */
export function epochFile(epoch: number): string {
  return `epoch-${String(epoch).padStart(3, "0")}.safetensors`;
}

/** The inverse of `epochFile`; null for any other name. */
export function epochOfFile(name: string): number | null {
  const digits = /^epoch-(\d{3,15})\.safetensors$/.exec(name)?.[1];
  return digits !== undefined && epochFile(Number(digits)) === name ? Number(digits) : null;
}

/**
 * Opens a run to evaluate, export, classify or resume: everything except tensors is read and checked.
 *
 * @throws InceptionError RUN_INVALID naming what is missing or wrong; FILE_CORRUPT for a file that is not JSON;
 *   OPTION_INVALID for a preprocessing that contradicts itself
 */
export async function openRun(folder: string): Promise<Run> {
  const entries = new Set(await list(folder));
  const recipe = entries.has(RUN_FILES.plan) ? RUN_FILES.plan : RUN_FILES.preprocessing;
  const missing = [RUN_FILES.config, RUN_FILES.labels, recipe].filter((name) => !entries.has(name));
  if (missing.length > 0) {
    const fact = `it has no ${missing.join(", no ")}; a run directory contains ${RUN_FILES.config}, ${RUN_FILES.labels}, ${RUN_FILES.preprocessing}, ${RUN_FILES.metrics} and ${RUN_FILES.checkpoints}/`;
    throw cannotOpen(folder, fact, { missing });
  }
  const checkpoints = entries.has(RUN_FILES.checkpoints) ? await list(path.join(folder, RUN_FILES.checkpoints)) : [];
  const config = parseConfig(folder, await readJson(folder, RUN_FILES.config));
  const labels = parseLabels(folder, await readJson(folder, RUN_FILES.labels));
  const place = `${recipe} of run "${messageOf(folder)}"`;
  const json = await readJson(folder, recipe);
  const plan = recipe === RUN_FILES.plan ? (isJsonRecord(json) ? json : {}) : null;
  return {
    folder,
    config,
    labels,
    preprocessing: plan === null ? parsePreprocessing(json, place) : null,
    segmentation: plan === null ? null : withMirrorAxes(parseSegmentationConfig(plan.recipe, place), config.settings),
    plan,
    network: entries.has(RUN_FILES.network) ? await readTextFile(path.join(folder, RUN_FILES.network), MAX_JSON_BYTES) : null,
    calibration: entries.has(RUN_FILES.calibration) ? parseCalibration(folder, await readJson(folder, RUN_FILES.calibration)) : null,
    hasLast: checkpoints.includes(path.basename(RUN_FILES.last)),
    hasBest: entries.has(RUN_FILES.best),
    epochs: checkpoints.flatMap((name) => epochOfFile(name) ?? []).toSorted((a, b) => a - b),
  };
}

/** Runs of earlier versions record in their settings alone along which axes training mirrored. */
function withMirrorAxes(recipe: SegmentationConfig, { augmentation }: JsonRecord): SegmentationConfig {
  if (recipe.mirrorAxes !== undefined || augmentation === undefined) return recipe;
  return { ...recipe, mirrorAxes: volumeAugmentation(augmentation).mirrorAxes };
}

/**
 * A checkpoint of a run.
 *
 * @throws InceptionError RUN_INVALID where the run does not have it, naming those that it has; as `readCheckpoint`
 */
export async function readRunCheckpoint(run: Run, choice: CheckpointChoice, options: ReadCheckpointOptions = {}): Promise<Checkpoint> {
  const source = await openRunCheckpoint(run, choice);
  return readCheckpoint(source, options).finally(() => source.close());
}

/** The file of a checkpoint of a run. Throws RUN_INVALID where the run does not have it. */
export async function openRunCheckpoint(run: Run, choice: CheckpointChoice): Promise<FileSource> {
  return openFileSource(path.join(run.folder, checkpointFile(run, choice)));
}

/** Where a checkpoint of a run lies, below its folder. Throws RUN_INVALID where the run does not have it. */
export function checkpointFile(run: Run, choice: CheckpointChoice): string {
  if (choice === "last" && run.hasLast) return RUN_FILES.last;
  if (choice === "best" && run.hasBest) return RUN_FILES.best;
  if (typeof choice === "number" && run.epochs.includes(choice)) return path.join(RUN_FILES.checkpoints, epochFile(choice));
  const has = [...(run.hasBest ? ["best"] : []), ...(run.hasLast ? ["last"] : []), ...run.epochs.map((epoch) => `epoch ${epoch}`)];
  const wanted = typeof choice === "number" ? `epoch ${choice}` : choice;
  throw new InceptionError(
    "RUN_INVALID",
    `Cannot use checkpoint ${wanted} of run "${messageOf(run.folder)}": it does not exist, ${has.length === 0 ? "the run has no checkpoints yet" : `the run has ${has.join(", ")}`}`,
    { folder: run.folder, choice, has },
  );
}

/** What the run measured so far, without a half line at the end. Throws FILE_CORRUPT, FILE_LIMIT. */
export async function readRunMetrics(run: Run): Promise<readonly MetricsLine[]> {
  const entries = await list(run.folder);
  if (!entries.includes(RUN_FILES.metrics)) return [];
  const text = await readTextFile(path.join(run.folder, RUN_FILES.metrics), MAX_METRICS_BYTES);
  return decodeMetricsLines(text, `${RUN_FILES.metrics} of run "${messageOf(run.folder)}"`);
}

async function list(folder: string): Promise<readonly string[]> {
  return readdir(folder).catch((thrown) => {
    throw cannotOpen(folder, systemErrorCode(thrown) === "ENOTDIR" ? "it is a file, not a directory" : factOf(thrown));
  });
}

function cannotOpen(folder: string, fact: string, details: Readonly<Record<string, unknown>> = {}): InceptionError {
  return new InceptionError("RUN_INVALID", `Cannot open run "${messageOf(folder)}": ${fact}`, { folder, ...details });
}

async function readJson(folder: string, name: string): Promise<JsonData> {
  return decodeJson(await readTextFile(path.join(folder, name), MAX_JSON_BYTES), `${name} of run "${messageOf(folder)}"`);
}

function parseConfig(folder: string, json: JsonData): RunConfig {
  const config = isJsonRecord(json) ? json : {};
  const refuse = (field: string, expected: string): InceptionError =>
    cannotOpen(folder, `${field} of ${RUN_FILES.config} is ${field in config ? "not" : "missing, expected"} ${expected}`, { field });
  const { format, version, model, options, graphHash, settings, places, startingWeights } = config;
  if (format !== CONFIG_FORMAT) throw refuse("format", `"${CONFIG_FORMAT}"`);
  if (version !== CONFIG_VERSION) throw refuse("version", String(CONFIG_VERSION));
  if (typeof model !== "string") throw refuse("model", "a string");
  if (!isJsonRecord(options)) throw refuse("options", "an object");
  if (typeof graphHash !== "string") throw refuse("graphHash", "a string");
  if (!isJsonRecord(settings)) throw refuse("settings", "an object");
  return {
    model,
    options,
    graphHash,
    settings: currentSettings(settings),
    ...(isJsonRecord(places) ? { places: currentSettings(places) } : {}),
    ...(isJsonRecord(startingWeights) ? { startingWeights } : {}),
  };
}

function parseCalibration(folder: string, json: JsonData): Run["calibration"] {
  const { epoch, calibration } = isJsonRecord(json) ? json : {};
  if (calibration === null) return null;
  const record = parseCalibrationRecord(calibration);
  if (record !== null && typeof epoch === "number" && Number.isSafeInteger(epoch)) return { epoch, record };
  throw cannotOpen(folder, `${RUN_FILES.calibration} is not an epoch with a calibration`);
}

function parseLabels(folder: string, json: JsonData): readonly string[] {
  if (isList(json) && json.every((label) => typeof label === "string")) return json;
  throw cannotOpen(folder, `${RUN_FILES.labels} is not a list of strings`);
}
