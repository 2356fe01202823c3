import { InceptionError } from "../errors.js";
import { bytesPerElement, type DType } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";
import { formatCount } from "../text.js";
import type { ByteSource } from "./byte-source.js";
import { checkedElementCount, isCount, MAX_RANK } from "./element-layout.js";
import { type JsonValue, parseJson } from "./json.js";
import { quoted } from "./quoted.js";

/**
 * safetensors: 8 bytes header length (little-endian), a JSON header, then the elements of all tensors without holes.
 * Source: the format section of https://github.com/huggingface/safetensors.
 */

/** Bytes of JSON. A tensor takes about 100, so this is 80,000 tensors; the largest Inception network has 900. */
const MAX_HEADER_BYTES = 8 * 1024 * 1024;
const LENGTH_BYTES = 8;
const METADATA_KEY = "__metadata__";

/** Their names and ours, in the order in which the format's own writer lays tensors out: every one aligned to its element size. */
const DTYPES: ReadonlyMap<string, DType> = new Map<string, DType>([
  ["U64", "uint64"],
  ["I64", "int64"],
  ["F64", "float64"],
  ["F32", "float32"],
  ["U32", "uint32"],
  ["I32", "int32"],
  ["BF16", "bfloat16"],
  ["F16", "float16"],
  ["U16", "uint16"],
  ["I16", "int16"],
  ["I8", "int8"],
  ["U8", "uint8"],
  ["BOOL", "bool"],
]);

/** Where one tensor lies in the file. */
interface SafetensorsRecord {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** From the start of the file, in bytes. */
  readonly offset: number;
  /** In bytes. */
  readonly length: number;
}

export interface SafetensorsHeader {
  readonly metadata: ReadonlyMap<string, string>;
  /** In the order of the header. */
  readonly tensors: readonly SafetensorsRecord[];
}

/** Whether the file starts like safetensors: a binary length, then an opening brace. Reads 9 bytes. */
export async function looksLikeSafetensors(source: ByteSource): Promise<boolean> {
  if (source.size <= LENGTH_BYTES) return false;
  const start = await source.read(0, LENGTH_BYTES + 1);
  // A JSON text can have a brace in ninth place too, but no zero byte before it.
  return start[LENGTH_BYTES] === 0x7b && start.subarray(0, LENGTH_BYTES).includes(0);
}

/**
 * Read and check the header; no tensor data is read. The tensors must fill the data section exactly: no hole, no overlap.
 *
 * @throws InceptionError FILE_TRUNCATED, FILE_CORRUPT, FILE_LIMIT (header above 8 MiB) or FILE_UNSUPPORTED (element type)
 */
export async function readSafetensorsHeader(source: ByteSource): Promise<SafetensorsHeader> {
  const header = await readHeaderText(source);
  // The format asks for it, so that nothing can hide before the brace.
  if (!header.text.startsWith("{")) throw corrupt(source, "the header does not start with {");
  const root = parseJson(header.text, `the header of ${quoted(source.name)}`);
  if (!isObject(root)) throw corrupt(source, "the header is not a JSON object");
  const dataBytes = source.size - header.end;
  const tensors: SafetensorsRecord[] = [];
  for (const [name, entry] of root) {
    if (name !== METADATA_KEY) tensors.push(readRecord(source, name, entry, header.end, dataBytes));
  }
  checkCoverage(source, tensors, header.end, dataBytes);
  return { metadata: readMetadata(source, root.get(METADATA_KEY)), tensors };
}

async function readHeaderText(source: ByteSource): Promise<{ readonly text: string; readonly end: number }> {
  if (source.size < LENGTH_BYTES) {
    throw new InceptionError(
      "FILE_TRUNCATED",
      `Cannot read safetensors file ${quoted(source.name)}: it has ${source.size} bytes, the header length alone takes ${LENGTH_BYTES}`,
    );
  }
  const lengthBytes = await source.read(0, LENGTH_BYTES);
  const declared = new DataView(lengthBytes.buffer, lengthBytes.byteOffset, LENGTH_BYTES).getBigUint64(0, true);
  if (declared > MAX_HEADER_BYTES) {
    throw new InceptionError(
      "FILE_LIMIT",
      `Cannot read safetensors file ${quoted(source.name)}: header length is ${formatCount(declared)} bytes, the limit is ${formatCount(MAX_HEADER_BYTES)}`,
      { length: declared, limit: MAX_HEADER_BYTES },
    );
  }
  const length = Number(declared);
  if (LENGTH_BYTES + length > source.size) {
    throw new InceptionError(
      "FILE_TRUNCATED",
      `Cannot read safetensors file ${quoted(source.name)}: header ends at byte ${LENGTH_BYTES + length}, the file has ${source.size}`,
      { length, size: source.size },
    );
  }
  const bytes = await source.read(LENGTH_BYTES, length);
  try {
    return { text: new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes), end: LENGTH_BYTES + length };
  } catch {
    throw corrupt(source, "the header is not UTF-8");
  }
}

function isObject(value: JsonValue | undefined): value is ReadonlyMap<string, JsonValue> {
  return value instanceof Map;
}

function corrupt(source: ByteSource, fact: string): InceptionError {
  return new InceptionError("FILE_CORRUPT", `Cannot read safetensors file ${quoted(source.name)}: ${fact}`, { file: source.name });
}

function corruptTensor(source: ByteSource, name: string, fact: string): InceptionError {
  return new InceptionError("FILE_CORRUPT", `Cannot read tensor ${quoted(name)} of ${quoted(source.name)}: ${fact}`, {
    file: source.name,
    tensor: name,
  });
}

function readMetadata(source: ByteSource, value: JsonValue | undefined): ReadonlyMap<string, string> {
  const metadata = new Map<string, string>();
  if (value === undefined) return metadata;
  if (!isObject(value)) throw corrupt(source, `${METADATA_KEY} is not a JSON object`);
  for (const [key, text] of value) {
    if (typeof text !== "string") throw corrupt(source, `${METADATA_KEY} entry ${quoted(key)} is not a string`);
    metadata.set(key, text);
  }
  return metadata;
}

function readRecord(source: ByteSource, name: string, entry: JsonValue, dataStart: number, dataBytes: number): SafetensorsRecord {
  if (!isObject(entry)) throw corruptTensor(source, name, "its header entry is not a JSON object");
  for (const key of entry.keys()) {
    if (key !== "dtype" && key !== "shape" && key !== "data_offsets") {
      throw corruptTensor(source, name, `unknown key ${quoted(key)}, known are dtype, shape, data_offsets`);
    }
  }
  const dtype = readDType(source, name, entry.get("dtype"));
  const shape = readCounts(entry.get("shape"));
  if (shape === null || shape.length > MAX_RANK) {
    throw corruptTensor(source, name, `shape must be a list of at most ${MAX_RANK} integers in [0, 2^53)`);
  }
  const [begin, end, ...more] = readCounts(entry.get("data_offsets")) ?? [];
  if (begin === undefined || end === undefined || more.length > 0 || begin > end) {
    throw corruptTensor(source, name, "data_offsets must be two integers [begin, end] with 0 <= begin <= end");
  }
  if (end > dataBytes) throw corruptTensor(source, name, `data_offsets end at ${end}, file data has ${dataBytes} bytes`);
  const count = checkedElementCount(shape);
  const bytes = (count ?? Number.POSITIVE_INFINITY) * bytesPerElement(dtype);
  if (bytes !== end - begin) {
    const needs = Number.isSafeInteger(bytes) ? `${bytes} bytes` : "2^53 bytes or more";
    throw corruptTensor(source, name, `${dtype} [${shape.join(", ")}] needs ${needs}, data_offsets span ${end - begin} bytes`);
  }
  return { name, dtype, shape, offset: dataStart + begin, length: end - begin };
}

function readDType(source: ByteSource, name: string, value: JsonValue | undefined): DType {
  if (typeof value !== "string") throw corruptTensor(source, name, "dtype must be a string");
  const dtype = DTYPES.get(value);
  if (dtype !== undefined) return dtype;
  throw new InceptionError(
    "FILE_UNSUPPORTED",
    `Cannot read tensor ${quoted(name)} of ${quoted(source.name)}: dtype ${quoted(value)} is not supported, supported are ${[...DTYPES.keys()].join(", ")}`,
    { file: source.name, tensor: name, dtype: value },
  );
}

function readCounts(value: JsonValue | undefined): number[] | null {
  if (!Array.isArray(value)) return null;
  const counts: number[] = [];
  for (const item of value) {
    if (!isCount(item)) return null;
    counts.push(item);
  }
  return counts;
}

function checkCoverage(source: ByteSource, tensors: readonly SafetensorsRecord[], dataStart: number, dataBytes: number): void {
  const ordered = tensors.toSorted((a, b) => a.offset - b.offset || a.length - b.length);
  let covered = 0;
  for (const { name, offset, length } of ordered) {
    const begin = offset - dataStart;
    if (begin < covered) throw corruptTensor(source, name, `data starts at ${begin}, inside another tensor that ends at ${covered}`);
    if (begin > covered) throw corruptTensor(source, name, `data starts at ${begin}, leaving a gap after ${covered}`);
    covered = begin + length;
  }
  if (covered !== dataBytes) {
    throw corrupt(source, `the tensors cover ${covered} bytes of data, the file has ${dataBytes}`);
  }
}

/** A safetensors file in pieces, to be written one after the other. */
export interface SafetensorsParts {
  /** Length, JSON, and spaces up to a multiple of 8 bytes. */
  readonly header: Uint8Array;
  /** The tensors' own memory, one view each, never copied. */
  readonly chunks: readonly Uint8Array[];
  /** Bytes of header and chunks together. */
  readonly byteLength: number;
}

/**
 * Lay tensors out as a safetensors file. Equal input gives equal bytes, whatever order it comes in: by element type, wide
 * ones first, then by name in code unit order, as the format's own writer does.
 *
 * @param tensors - names and tensors; names are unique and not "__metadata__"
 * @param metadata - strings to store beside the tensors, default none
 * @throws InceptionError OPTION_INVALID (bad or double name), SHAPE_INVALID (shape and data disagree), FILE_LIMIT (header above 8 MiB)
 */
export function encodeSafetensors(
  tensors: Iterable<readonly [string, Tensor]>,
  metadata: Readonly<Record<string, string>> = {},
): SafetensorsParts {
  const checked = checkTensors(tensors);
  const names = [...DTYPES].map(([theirs, ours]) => ({ theirs, ours }));
  const rank = ({ dtype }: Tensor) => names.findIndex(({ ours }) => ours === dtype);
  const ordered = [...checked].toSorted(([nameA, a], [nameB, b]) => rank(a) - rank(b) || compareText(nameA, nameB));
  const entries: string[] = [];
  const notes = Object.entries(metadata).toSorted(([a], [b]) => compareText(a, b));
  if (notes.length > 0) entries.push(`"${METADATA_KEY}":{${notes.map(([key, value]) => `${json(key)}:${json(value)}`).join(",")}}`);
  let end = 0;
  for (const [name, tensor] of ordered) {
    const { shape, data } = tensor;
    const begin = end;
    end += data.byteLength;
    entries.push(`${json(name)}:{"dtype":"${names[rank(tensor)]?.theirs}","shape":[${shape.join(",")}],"data_offsets":[${begin},${end}]}`);
  }
  const header = headerBytes(`{${entries.join(",")}}`);
  const chunks = ordered.map(([, { data }]) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  return { header, chunks, byteLength: header.byteLength + end };
}

function checkTensors(tensors: Iterable<readonly [string, Tensor]>): ReadonlyMap<string, Tensor> {
  const checked = new Map<string, Tensor>();
  for (const [name, tensor] of tensors) {
    if (name === METADATA_KEY || checked.has(name)) {
      const fact = name === METADATA_KEY ? "the name is reserved for metadata" : "another tensor has the same name";
      throw new InceptionError("OPTION_INVALID", `Cannot write tensor ${quoted(name)} as safetensors: ${fact}`, { tensor: name });
    }
    const count = checkedElementCount(tensor.shape);
    if (count !== tensor.data.length) {
      throw new InceptionError(
        "SHAPE_INVALID",
        `Cannot write tensor ${quoted(name)} as safetensors: shape [${tensor.shape.join(", ")}] does not match its ${tensor.data.length} elements`,
        { tensor: name, shape: tensor.shape, elements: tensor.data.length },
      );
    }
    checked.set(name, tensor);
  }
  return checked;
}

/** By code unit, the same on every machine, unlike localeCompare. */
function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function json(text: string): string {
  if (/\p{Surrogate}/u.test(text)) {
    throw new InceptionError("OPTION_INVALID", `Cannot write ${quoted(text)} into a safetensors header: it contains an unpaired surrogate`);
  }
  return JSON.stringify(text);
}

function headerBytes(text: string): Uint8Array {
  const encoded = new TextEncoder().encode(text);
  const length = Math.ceil(encoded.byteLength / 8) * 8;
  if (length > MAX_HEADER_BYTES) {
    throw new InceptionError(
      "FILE_LIMIT",
      `Cannot write a safetensors header of ${formatCount(length)} bytes: the limit is ${formatCount(MAX_HEADER_BYTES)}`,
    );
  }
  const bytes = new Uint8Array(LENGTH_BYTES + length).fill(0x20);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true);
  bytes.set(encoded, LENGTH_BYTES);
  return bytes;
}
