/**
 * A checkpoint is one safetensors file: every tensor of the training state under the name that the training graph gives
 * it, and in the header's metadata what else a run needs to go on as if it had never stopped. Nothing in it depends on
 * the clock: equal runs write equal bytes.
 */

import { InceptionError, messageOf } from "../errors.js";
import type { ByteSource } from "../formats/byte-source.js";
import { quoted } from "../formats/quoted.js";
import {
  encodeSafetensors,
  looksLikeSafetensors,
  readSafetensorsHeader,
  type SafetensorsHeader,
  type SafetensorsParts,
} from "../formats/safetensors.js";
import type { Graph } from "../ir/graph.js";
import { printGraph } from "../ir/print.js";
import { viewBytes } from "../tensor/dtype.js";
import { formatType, sameType, type TensorType } from "../tensor/shape.js";
import type { Tensor } from "../tensor/tensor.js";
import { type EpochRow, epochRowJson, type Position, readEpochRow } from "./history.js";
import { decodeJson, encodeJson, isJsonRecord, isList, type JsonData, type JsonRecord, jsonNumber } from "./json.js";

const CHECKPOINT_FORMAT = "inceptionkit-checkpoint";
const VERSION = "1";

/** Contents of a checkpoint besides its tensors. */
export interface CheckpointMeta {
  /** Model id. */
  readonly model: string;
  /** The model's options. */
  readonly options: JsonRecord;
  /** Which description the state belongs to; see `graphHash`. */
  readonly graphHash: string;
  /** The run's configuration. */
  readonly config: JsonRecord;
  readonly position: Position;
  /**
   * In [0, 2^32). Every random choice of a run is a function of the seed and of where it is made (epoch, sample, step),
   * so that the seed and the position together are the whole state of the generators.
   */
  readonly seed: number;
  /** The epochs that are over; the best of them follows from it (`bestEpoch`). */
  readonly history: readonly EpochRow[];
  /** Sums over the batches of the epoch under way, by name; empty between epochs. */
  readonly partial: Readonly<Record<string, number>>;
}

/** A saved training state with what is needed to resume. */
export interface Checkpoint {
  /** Parameters, running statistics, optimizer slots and averages by name. */
  readonly state: ReadonlyMap<string, Tensor>;
  readonly meta: CheckpointMeta;
}

/** Requirements on a checkpoint. Omitted fields are not checked. */
export interface CheckpointExpectation {
  readonly model?: string;
  readonly graphHash?: string;
  /** Exactly these tensors. */
  readonly state?: ReadonlyMap<string, TensorType>;
}

/** What a checkpoint must contain, and what of it is read. */
export interface ReadCheckpointOptions {
  readonly expected?: CheckpointExpectation;
  /** Tensors to read; the others are checked and left in the file. Default: all. */
  readonly select?: (name: string) => boolean;
}

/**
 * Which description a state belongs to: the hash of the graph's text, which names every parameter, shape and operator.
 *
 * @param sha256 - SHA-256 of bytes as lower-case hexadecimal; a platform's own, since the language has none
 */
export function graphHash(graph: Graph, sha256: (bytes: Uint8Array) => string): string {
  return sha256(new TextEncoder().encode(printGraph(graph)));
}

/**
 * A checkpoint as a file in pieces; the chunks view the state's memory, which must not change until they are written.
 * Equal checkpoints give equal bytes, whatever order their maps have.
 *
 * @throws InceptionError OPTION_INVALID, SHAPE_INVALID, FILE_LIMIT as `encodeSafetensors`; CHECKPOINT_INVALID for a position
 *   or seed that `readCheckpoint` would refuse
 */
export function encodeCheckpoint(checkpoint: Checkpoint): SafetensorsParts {
  const { meta, state } = checkpoint;
  const json: JsonRecord = { ...meta, position: { ...meta.position }, history: meta.history.map(epochRowJson) };
  parseMeta(json, (fact) => new InceptionError("CHECKPOINT_INVALID", `Cannot write a checkpoint: ${fact}`));
  return encodeSafetensors(state, { format: CHECKPOINT_FORMAT, version: VERSION, run: encodeJson(json) });
}

/**
 * Reads a checkpoint: the header and all checks first, then the selected tensors.
 *
 * Truncated files and files that are not checkpoints are rejected. The numbers inside a tensor carry no checksum: a bit
 * that a failing disk has turned goes unseen.
 *
 * @throws InceptionError CHECKPOINT_INVALID (no checkpoint, other model, other description, other tensors, a field of the
 *   metadata out of its range), FILE_UNSUPPORTED (other version), FILE_TRUNCATED, FILE_CORRUPT, FILE_LIMIT
 * @example
 * ```ts
 * import { encodeCheckpoint, readCheckpoint } from "inceptionkit/train";
 * import { bytesSource } from "inceptionkit/core";
 * const state = new Map([["fc.bias", { dtype: "float32", shape: [2], data: Float32Array.of(1, 2) } as const]]);
 * const position = { epoch: 0, batch: 3, step: 3 };
 * const meta = { model: "googlenet", options: {}, graphHash: "00", config: {}, position, seed: 7, history: [], partial: {} };
 * const { header, chunks } = encodeCheckpoint({ state, meta });
 * const file = Uint8Array.from([header, ...chunks].flatMap((chunk) => [...chunk]));
 * (await readCheckpoint(bytesSource("last.safetensors", file))).meta.position.step; // 3
 * ```
 */
export async function readCheckpoint(source: ByteSource, options: ReadCheckpointOptions = {}): Promise<Checkpoint> {
  const { header, meta } = await readHeader(source);
  checkExpected(source, header, meta, options.expected ?? {});
  const state = new Map<string, Tensor>();
  for (const { name, dtype, shape, offset, length } of header.tensors) {
    if (options.select !== undefined && !options.select(name)) continue;
    state.set(name, { dtype, shape, data: viewBytes(dtype, await source.read(offset, length)) });
  }
  return { state, meta };
}

/** Reads what a checkpoint records about its run, without its tensors. Throws as `readCheckpoint`. */
export async function readCheckpointMeta(source: ByteSource): Promise<CheckpointMeta> {
  return (await readHeader(source)).meta;
}

async function readHeader(source: ByteSource): Promise<{ readonly header: SafetensorsHeader; readonly meta: CheckpointMeta }> {
  if (source.size > 8 && !(await looksLikeSafetensors(source))) {
    throw invalid(source, "it is not a safetensors file");
  }
  const header = await readSafetensorsHeader(source);
  const format = header.metadata.get("format");
  if (format !== CHECKPOINT_FORMAT) {
    const found = format === undefined ? "has no format" : `has format ${quoted(format)}`;
    throw invalid(source, `its metadata ${found}, expected "${CHECKPOINT_FORMAT}"; it contains weights or was written by another program`);
  }
  const version = header.metadata.get("version");
  if (version !== VERSION) {
    const found = version === undefined ? "missing" : quoted(version);
    throw new InceptionError(
      "FILE_UNSUPPORTED",
      `Cannot use checkpoint ${quoted(source.name)}: its version is ${found}, expected "${VERSION}"`,
      {
        file: source.name,
        version,
      },
    );
  }
  const text = header.metadata.get("run");
  if (text === undefined) throw invalid(source, 'its metadata has no entry "run"');
  const json = decodeJson(text, `the metadata of checkpoint ${quoted(source.name)}`);
  if (!isJsonRecord(json)) throw invalid(source, 'entry "run" of its metadata is not a JSON object');
  return { header, meta: parseMeta(json, (fact) => invalid(source, fact)) };
}

function invalid(source: ByteSource, fact: string, details: Readonly<Record<string, unknown>> = {}): InceptionError {
  return new InceptionError("CHECKPOINT_INVALID", `Cannot use checkpoint ${quoted(source.name)}: ${fact}`, {
    file: source.name,
    ...details,
  });
}

function parseMeta(json: JsonRecord, refuse: (fact: string) => InceptionError): CheckpointMeta {
  const get = (record: JsonRecord, key: string): JsonData | undefined => (Object.hasOwn(record, key) ? record[key] : undefined);
  const wrong = (field: string, found: JsonData | undefined, expected: string): InceptionError =>
    refuse(`${field} is ${shown(found)}, expected ${expected}`);
  const text = (field: string): string => {
    const found = get(json, field);
    if (typeof found !== "string") throw wrong(field, found, "a string");
    return found;
  };
  const record = (field: string): JsonRecord => {
    const found = get(json, field);
    if (!isJsonRecord(found)) throw wrong(field, found, "an object");
    return found;
  };
  const count = (field: string, found: JsonData | undefined, below = Number.MAX_SAFE_INTEGER): number => {
    if (typeof found === "number" && Number.isInteger(found) && found >= 0 && found < below) return found;
    throw wrong(field, found, `an integer in [0, ${below === 2 ** 32 ? "2^32" : "2^53"})`);
  };
  const position = record("position");
  return {
    model: text("model"),
    options: record("options"),
    graphHash: text("graphHash"),
    config: record("config"),
    position: {
      epoch: count("position.epoch", get(position, "epoch")),
      batch: count("position.batch", get(position, "batch")),
      step: count("position.step", get(position, "step")),
    },
    seed: count("seed", get(json, "seed"), 2 ** 32),
    history: parseHistory(get(json, "history"), wrong),
    partial: Object.fromEntries(
      Object.entries(record("partial")).map(([name, found]) => {
        const value = jsonNumber(found);
        if (value === null) throw wrong(`partial[${quoted(name)}]`, found, "a number");
        return [name, value];
      }),
    ),
  };
}

function parseHistory(
  found: JsonData | undefined,
  wrong: (field: string, found: JsonData | undefined, expected: string) => InceptionError,
): readonly EpochRow[] {
  if (!isList(found)) throw wrong("history", found, "a list");
  return found.map((row, index) => {
    if (!isJsonRecord(row)) throw wrong(`history[${index}]`, row, "an object");
    const read = readEpochRow(row);
    if (typeof read === "string") throw wrong(`history[${index}].${read}`, row[read], "the field of an epoch");
    if (read.epoch !== index + 1) throw wrong(`history[${index}].epoch`, read.epoch, String(index + 1));
    return read;
  });
}

// Enough to recognize a value; a message must stay readable.
const LONGEST_VALUE = 60;

function shown(value: JsonData | undefined): string {
  if (value === undefined) return "missing";
  const text = messageOf(encodeJson(value));
  return text.length > LONGEST_VALUE ? `${text.slice(0, LONGEST_VALUE)}...` : text;
}

function checkExpected(source: ByteSource, header: SafetensorsHeader, meta: CheckpointMeta, expected: CheckpointExpectation): void {
  if (expected.model !== undefined && meta.model !== expected.model) {
    throw invalid(source, `it belongs to model ${quoted(meta.model)}, expected ${quoted(expected.model)}`, { model: meta.model });
  }
  if (expected.graphHash !== undefined && meta.graphHash !== expected.graphHash) {
    throw invalid(
      source,
      `it belongs to another configuration of ${quoted(meta.model)} (hash ${quoted(meta.graphHash)}, expected ${quoted(expected.graphHash)}): other options, input size or version of inceptionkit`,
      { graphHash: meta.graphHash, expected: expected.graphHash },
    );
  }
  if (expected.state !== undefined) checkTensors(source, header, expected.state);
}

function checkTensors(source: ByteSource, header: SafetensorsHeader, expected: ReadonlyMap<string, TensorType>): void {
  const found = new Map(header.tensors.map((tensor) => [tensor.name, tensor]));
  const missing = [...expected.keys()].filter((name) => !found.has(name));
  const unexpected = [...found.keys()].filter((name) => !expected.has(name));
  const reshaped = [...expected].flatMap(([name, type]) => {
    const tensor = found.get(name);
    return tensor === undefined || sameType(tensor, type) ? [] : [`${quoted(name)} is ${formatType(tensor)}, expected ${formatType(type)}`];
  });
  const facts = [
    ...(missing.length > 0 ? [`${missing.length} missing (${list(missing.map(quoted))})`] : []),
    ...(unexpected.length > 0 ? [`${unexpected.length} unexpected (${list(unexpected.map(quoted))})`] : []),
    ...(reshaped.length > 0 ? [`${reshaped.length} with another type (${list(reshaped)})`] : []),
  ];
  if (facts.length === 0) return;
  const matched = expected.size - missing.length - reshaped.length;
  throw invalid(source, `its tensors do not match: ${facts.join("; ")}; ${matched} of ${expected.size} match`, {
    missing,
    unexpected,
    reshaped,
  });
}

// The whole list is in the error's details.
const NAMES_SHOWN = 4;

function list(names: readonly string[]): string {
  const some = names.slice(0, NAMES_SHOWN).join(", ");
  return names.length > NAMES_SHOWN ? `${some} and ${names.length - NAMES_SHOWN} more` : some;
}
