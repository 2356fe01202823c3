/**
 * The folder of a training run:
 *
 *     config.json            what is trained and how           labels.json
 *     preprocessing.json     how images become inputs; of a network that segments volumes plan.json, with its recipe and cases
 *     metrics.jsonl          what was measured, a line each    events/…tfevents…    the same for TensorBoard
 *     checkpoints/last.safetensors, epoch-003.safetensors      best.safetensors
 *     calibration.json       the temperature of the probabilities after the best epoch, or why there is none
 *     report.html
 *
 * Every file but the two that grow is written whole or not at all, so that a run may be killed at any moment.
 */

import { type FileHandle, link, mkdir, open, readdir, rename, rm } from "node:fs/promises";
import path from "node:path";
import type { Preprocessing } from "../data/index.js";
import { InceptionError, messageOf } from "../errors.js";
import { type Checkpoint, encodeCheckpoint, type ReadCheckpointOptions } from "../train/checkpoint.js";
import { bestEpoch, epochsToKeep, type Metric, type Position } from "../train/history.js";
import { encodeJson, type JsonData, type JsonRecord } from "../train/json.js";
import { encodeMetricsLine, lineEvent, linesUpTo, type MetricsLine, metricsEvents } from "../train/metrics-log.js";
import { busyFact, lockFile } from "./file-lock.js";
import { isFile } from "./file-source.js";
import {
  CONFIG_FORMAT,
  CONFIG_VERSION,
  epochFile,
  epochOfFile,
  openRun,
  RUN_FILES,
  type Run,
  type RunConfig,
  readRunCheckpoint,
  readRunMetrics,
} from "./open-run.js";
import { readError, systemErrorCode } from "./system-error.js";
import { makeFolder, orWriteFailed, writeFileAtomic } from "./write-file.js";

/** What a run is made of before it begins. */
export interface RunContents {
  readonly config: RunConfig;
  /** Class names by index. */
  readonly labels: readonly string[];
  /** Graph of a custom network, as `encodeGraph` writes it. */
  readonly network?: string;
  /** How images become inputs, or what else the run needs to know again: plan.json. */
  readonly recipe: { readonly preprocessing: Preprocessing } | { readonly plan: JsonRecord };
}

/** Which checkpoints of whole epochs stay. */
interface KeepRule {
  readonly metric: Metric;
  /** How many of the best; 0 keeps only `last` and `best`. */
  readonly count: number;
}

/** A run that is being written; this process holds its lock until it is closed. */
export interface RunWriter {
  readonly folder: string;
  /** Append a line to metrics.jsonl and to the event file. @throws InceptionError WRITE_FAILED */
  log(line: MetricsLine): Promise<void>;
  /** Replace `last`: what a run is resumed from. @throws InceptionError WRITE_FAILED and as `encodeCheckpoint` */
  saveLast(checkpoint: Checkpoint): Promise<void>;
  /**
   * At the end of an epoch, with that epoch in the history: save it if it is to be kept, replace `best` if it is the best
   * (or nothing says which is), replace `last`, and delete what is no longer among the best.
   *
   * `last` comes after the others: a run killed in between is resumed from before the epoch and writes the same again.
   *
   * @throws InceptionError WRITE_FAILED and as `encodeCheckpoint`
   */
  saveEpoch(checkpoint: Checkpoint, keep: KeepRule): Promise<void>;
  /** @throws InceptionError WRITE_FAILED */
  writeCalibration(calibration: JsonRecord): Promise<void>;
  /** @throws InceptionError WRITE_FAILED */
  writeReport(html: string): Promise<void>;
  /** Let go of the folder. Calling it again does nothing. */
  close(): Promise<void>;
}

const LOCK_NAME = ".lock";

/** Temporary files of `writeFileAtomic` and `lockFile`, left by a process that was killed. */
const LEFTOVER = /^\..*\.[0-9a-f]{12}\.tmp$/;
const EVENT_FILE = /^events\.out\.tfevents\.\d+\.inceptionkit$/;

/**
 * Begin a run in a new or empty folder.
 *
 * @param startTime - seconds since 1970; names the event file
 * @throws InceptionError RUN_INVALID where the folder holds a run or anything else, is no folder, or is locked; WRITE_FAILED
 */
export async function createRun(folder: string, contents: RunContents, startTime: number): Promise<RunWriter> {
  if (await isFile(folder)) throw notAFolder(folder);
  await makeFolder(folder);
  const release = await lockRunFolder(folder);
  try {
    await checkFreeForRun(folder);
    await writeConfig(folder, contents.config);
    await writeJson(path.join(folder, RUN_FILES.labels), contents.labels);
    if (contents.network !== undefined) await writeFileAtomic(path.join(folder, RUN_FILES.network), [textBytes(contents.network)]);
    if ("plan" in contents.recipe) await writeJson(path.join(folder, RUN_FILES.plan), contents.recipe.plan);
    else await writeJson(path.join(folder, RUN_FILES.preprocessing), preprocessingJson(contents.recipe.preprocessing));
    await makeFolder(path.join(folder, RUN_FILES.checkpoints));
    return await startWriting(folder, [], startTime, release);
  } catch (thrown) {
    await release();
    throw thrown;
  }
}

/**
 * Go on with a run: take its lock, read `last`, and take back what was logged after it, so that nothing is doubled.
 *
 * @param startTime - seconds since 1970; names the event file
 * @returns the checkpoint to go on from; null where the run was ended before its first one and begins again
 * @throws InceptionError as `openRun` and `readRunCheckpoint`; RUN_INVALID where it is locked; WRITE_FAILED
 */
export async function resumeRun(
  folder: string,
  startTime: number,
  options: ReadCheckpointOptions = {},
): Promise<{
  readonly run: Run;
  readonly writer: RunWriter;
  readonly checkpoint: Checkpoint | null;
  /** What was logged up to the checkpoint. */
  readonly lines: readonly MetricsLine[];
}> {
  await openRun(folder);
  const release = await lockRunFolder(folder);
  try {
    // Again, now that nobody else can change it.
    const run = await openRun(folder);
    await makeFolder(path.join(folder, RUN_FILES.checkpoints));
    await removeLeftovers(folder);
    const checkpoint = run.hasLast ? await readRunCheckpoint(run, "last", options) : null;
    const position: Position = checkpoint?.meta.position ?? { epoch: 0, batch: 0, step: 0 };
    const lines = linesUpTo(await readRunMetrics(run), position);
    const writer = await startWriting(folder, lines, startTime, release);
    return { run, writer, checkpoint, lines };
  } catch (thrown) {
    await release();
    throw thrown;
  }
}

async function writeConfig(folder: string, config: RunConfig): Promise<void> {
  await writeJson(path.join(folder, RUN_FILES.config), { format: CONFIG_FORMAT, version: CONFIG_VERSION, ...config });
}

/** Replaces the settings of a run whose lock this process holds. @throws InceptionError WRITE_FAILED */
export async function writeRunSettings({ folder, config }: Run, settings: JsonRecord): Promise<void> {
  await writeConfig(folder, { ...config, settings });
}

/**
 * Makes a directory for a run of a network: `runs/<model>-<n>` below the current directory, with the first free number n from 1.
 * Of several processes that ask at once each gets its own.
 *
 * @throws InceptionError WRITE_FAILED
 */
export async function makeRunFolder(model: string): Promise<string> {
  await makeFolder("runs");
  for (let number = 1; ; number++) {
    const folder = path.join("runs", `${model}-${number}`);
    if (await orWriteFailed(folder, () => madeNew(folder))) return folder;
  }
}

/** False where there is one already. */
async function madeNew(folder: string): Promise<boolean> {
  try {
    await mkdir(folder);
    return true;
  } catch (thrown) {
    if (systemErrorCode(thrown) === "EEXIST") return false;
    throw thrown;
  }
}

/**
 * Whether a run can begin in a folder, which needs not exist: to be asked before anything long is done for it.
 *
 * @throws InceptionError RUN_INVALID where it holds a run or anything else, or is no folder
 */
export async function checkFreeForRun(folder: string): Promise<void> {
  const entries = (await entriesOf(folder)).filter((name) => name !== LOCK_NAME && !LEFTOVER.test(name)).toSorted();
  if (entries.length === 0) return;
  const shown = messageOf(folder);
  const holdsRun = entries.includes(RUN_FILES.config);
  const fact = holdsRun
    ? "it already contains a run; resume it or pass another directory"
    : `the directory is not empty (${entries.slice(0, 3).map(messageOf).join(", ")}${entries.length > 3 ? ` and ${entries.length - 3} more` : ""}); pass an empty directory`;
  throw new InceptionError("RUN_INVALID", `Cannot train into "${shown}": ${fact}`, {
    folder,
    entries,
    remedy: holdsRun ? "resumable" : "needs-empty-directory",
  });
}

async function entriesOf(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (thrown) {
    if (systemErrorCode(thrown) === "ENOENT") return [];
    if (systemErrorCode(thrown) === "ENOTDIR") throw notAFolder(folder);
    throw readError(`use "${messageOf(folder)}" as a run directory`, folder, thrown);
  }
}

function notAFolder(folder: string): InceptionError {
  return new InceptionError("RUN_INVALID", `Cannot use "${messageOf(folder)}" as a run directory: it is a file, not a directory`, {
    folder,
  });
}

/**
 * Takes a run for this process alone.
 *
 * @returns releases it; calling it again does nothing
 * @throws InceptionError RUN_INVALID where another process, or this one already, holds it; WRITE_FAILED
 */
function lockRunFolder(folder: string): Promise<() => Promise<void>> {
  const file = path.join(folder, LOCK_NAME);
  return lockFile(file, (owner) => {
    const message = `Cannot write to run "${messageOf(folder)}": ${busyFact(owner, file)}`;
    return new InceptionError("RUN_INVALID", message, { folder, ...owner });
  });
}

/** Write both growing files anew from `lines`, and open them to be appended to. */
async function startWriting(
  folder: string,
  lines: readonly MetricsLine[],
  startTime: number,
  release: () => Promise<void>,
): Promise<RunWriter> {
  const metricsFile = path.join(folder, RUN_FILES.metrics);
  const eventsFolder = path.join(folder, RUN_FILES.events);
  const eventsFile = path.join(eventsFolder, `events.out.tfevents.${Math.max(0, Math.floor(startTime))}.inceptionkit`);
  await makeFolder(eventsFolder);
  for (const name of await readdir(eventsFolder)) if (EVENT_FILE.test(name)) await rm(path.join(eventsFolder, name), { force: true });
  await writeFileAtomic(metricsFile, [textBytes(lines.map(encodeMetricsLine).join(""))]);
  await writeFileAtomic(eventsFile, metricsEvents(lines, startTime));
  const metrics = await orWriteFailed(metricsFile, () => open(metricsFile, "a"));
  const events = await orWriteFailed(eventsFile, () => open(eventsFile, "a")).catch(async (thrown) => {
    await metrics.close();
    throw thrown;
  });
  return runWriter(folder, { file: metricsFile, handle: metrics }, { file: eventsFile, handle: events }, release);
}

interface GrowingFile {
  readonly file: string;
  readonly handle: FileHandle;
}

function runWriter(folder: string, metrics: GrowingFile, events: GrowingFile, release: () => Promise<void>): RunWriter {
  let closed: Promise<void> | null = null;
  const last = path.join(folder, RUN_FILES.last);
  return {
    folder,
    log: async (line) => {
      // Encoded first: a line that cannot be written must not be in one file and not in the other.
      const record = lineEvent(line);
      await append(metrics, textBytes(encodeMetricsLine(line)));
      await append(events, record);
    },
    saveLast: async (checkpoint) => writeFileAtomic(last, checkpointChunks(checkpoint)),
    saveEpoch: async (checkpoint, keep) => {
      const { position, history } = checkpoint.meta;
      const kept = epochsToKeep(history, keep.metric, keep.count);
      const file = path.join(folder, RUN_FILES.checkpoints, epochFile(position.epoch));
      const isKept = kept.includes(position.epoch);
      const chunks = checkpointChunks(checkpoint);
      if (isKept) await writeFileAtomic(file, chunks);
      const best = bestEpoch(history, keep.metric);
      if (best === null || best.epoch === position.epoch) {
        const target = path.join(folder, RUN_FILES.best);
        if (!isKept || !(await replaceByLink(file, target))) await writeFileAtomic(target, chunks);
      }
      await writeFileAtomic(last, chunks);
      await removeEpochs(folder, kept);
    },
    writeCalibration: (calibration) => writeJson(path.join(folder, RUN_FILES.calibration), calibration),
    writeReport: (html) => writeFileAtomic(path.join(folder, RUN_FILES.report), [textBytes(html)]),
    close: () => {
      closed ??= (async () => {
        try {
          await metrics.handle.close();
          await events.handle.close();
        } finally {
          await release();
        }
      })();
      return closed;
    },
  };
}

function checkpointChunks(checkpoint: Checkpoint): readonly Uint8Array[] {
  const { header, chunks } = encodeCheckpoint(checkpoint);
  return [header, ...chunks];
}

async function append({ file, handle }: GrowingFile, bytes: Uint8Array): Promise<void> {
  await orWriteFailed(file, () => handle.appendFile(bytes));
}

/**
 * Give a file a second name instead of writing it twice, which saves time and room on the disk. Neither changes with the
 * other, since both are only ever replaced. False where the file system has no links.
 */
async function replaceByLink(file: string, target: string): Promise<boolean> {
  const temporary = path.join(path.dirname(target), `.${path.basename(target)}.000000000000.tmp`);
  try {
    await rm(temporary, { force: true });
    await link(file, temporary);
    await rename(temporary, target);
    return true;
  } catch {
    return false;
  } finally {
    await rm(temporary, { force: true });
  }
}

async function removeEpochs(folder: string, kept: readonly number[]): Promise<void> {
  const checkpoints = path.join(folder, RUN_FILES.checkpoints);
  for (const name of await readdir(checkpoints)) {
    const epoch = epochOfFile(name);
    if (epoch === null || kept.includes(epoch)) continue;
    const file = path.join(checkpoints, name);
    await orWriteFailed(file, () => rm(file, { force: true }));
  }
}

async function removeLeftovers(folder: string): Promise<void> {
  const places = ["", RUN_FILES.checkpoints, RUN_FILES.events, RUN_FILES.validation].map((name) => path.join(folder, name));
  for (const place of places) {
    for (const name of await entriesOf(place)) if (LEFTOVER.test(name)) await rm(path.join(place, name), { force: true });
  }
}

/** For people: indented, keys sorted. */
async function writeJson(file: string, value: JsonData): Promise<void> {
  const text = JSON.stringify(JSON.parse(encodeJson(value)), null, 2);
  await writeFileAtomic(file, [textBytes(`${text}\n`)]);
}

function preprocessingJson(preprocessing: Preprocessing): JsonData {
  const { resize, crop, channelOrder, mean, std, perImageWhitening } = preprocessing;
  return { resize: { ...resize }, crop, channelOrder, mean, std, ...(perImageWhitening === undefined ? {} : { perImageWhitening }) };
}

function textBytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
