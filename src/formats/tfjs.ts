import { InceptionError } from "../errors.js";
import { bytesPerElement, type DType, type TensorData, viewBytes } from "../tensor/dtype.js";
import { float16ToFloat32 } from "../tensor/float16.js";
import { formatCount } from "../text.js";
import { type ByteSource, isFileName } from "./byte-source.js";
import { checkedElementCount, isCount, MAX_RANK } from "./element-layout.js";
import { type JsonValue, parseJson } from "./json.js";
import { quoted } from "./quoted.js";

/**
 * The weights manifest of a TensorFlow.js `model.json`: names, types and shapes of tensors, and the shard files with their
 * bytes. The topology in the same file is not read. Source: tfjs-core 4.22, src/io/types.ts and io_utils.ts.
 *
 *   { "modelTopology": …, "weightsManifest": [{ "paths": ["group1-shard1of2.bin", …], "weights": [{ "name": "conv2d_1/kernel",
 *     "shape": [3, 3, 3, 32], "dtype": "float32", "quantization": { "dtype": "uint8", "min": -0.5, "scale": 0.004 } }, …] }, …] }
 */

/** Topology and manifest of Inception-ResNet-v2 take 0.7 MB; parsed, a hostile file takes about 25 times its size. */
const MAX_JSON_BYTES = 8 * 2 ** 20;

/** At TensorFlow.js' 4 MiB for each shard these hold 2 GiB; more would exhaust the files that a process may have open. */
const MAX_SHARDS = 512;

/** The keys that a model.json begins with, as written by TensorFlow.js and by its converter. */
const START = /^\s*\{\s*"(modelTopology|weightsManifest|format|generatedBy|convertedBy|signature|userDefinedMetadata|trainingConfig)"\s*:/;
/** Enough for the first key. */
const START_BYTES = 256;

/** Types that a tensor may have. "string" and "complex64" are no weights. */
const DTYPES: ReadonlySet<string> = new Set<DType>(["float32", "float16", "int32", "uint8", "uint16", "bool"]);

/** How stored integers become values: `scale * integer + min`. */
interface TfjsQuantization {
  readonly scale: number;
  readonly min: number;
}

interface TfjsTensor {
  readonly name: string;
  /** Of the values. */
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** Of the bytes. */
  readonly stored: DType;
  /** Null where the stored numbers are the values. */
  readonly quantization: TfjsQuantization | null;
  /** Where its bytes start in the joined shards of its group. */
  readonly offset: number;
  readonly bytes: number;
}

/** Tensors whose bytes lie one after the other in some shards. */
export interface TfjsGroup {
  /** Plain file names. */
  readonly shards: readonly string[];
  readonly tensors: readonly TfjsTensor[];
  /** Of all tensors, and so of all shards. */
  readonly bytes: number;
}

interface TfjsManifest {
  /** "layers-model", "graph-model" or null. */
  readonly format: string | null;
  readonly groups: readonly TfjsGroup[];
}

/** Whether the file is JSON that begins as a model.json does and has a manifest. Reads 256 bytes of any other file. */
export async function looksLikeTfjs(source: ByteSource): Promise<boolean> {
  const start = new TextDecoder().decode(await source.read(0, Math.min(START_BYTES, source.size)));
  if (!START.test(start)) return false;
  return source.size > MAX_JSON_BYTES || new TextDecoder().decode(await source.read(0, source.size)).includes('"weightsManifest"');
}

/**
 * Read the manifest. Nothing else of the file is looked at, and no shard is opened.
 *
 * @throws InceptionError FILE_LIMIT (more than 8 MiB, or 512 shards), FILE_CORRUPT, FILE_UNSAFE (a shard that is not beside the
 *   file), FILE_UNSUPPORTED (types of tensors)
 */
export async function readTfjsManifest(source: ByteSource): Promise<TfjsManifest> {
  if (source.size > MAX_JSON_BYTES)
    throw fault(source, "FILE_LIMIT", `it has ${formatCount(source.size)} bytes, the limit is ${formatCount(MAX_JSON_BYTES)}`);
  const root = object(source, parseJson(decodeText(source, await source.read(0, source.size)), quoted(source.name)), "the file");
  const groups = list(source, root.get("weightsManifest"), "weightsManifest").map((value, index) =>
    readGroup(source, object(source, value, `weightsManifest[${index}]`), `weightsManifest[${index}]`),
  );
  const shards = groups.flatMap((group) => group.shards);
  if (shards.length > MAX_SHARDS) throw fault(source, "FILE_LIMIT", `it has ${shards.length} shards, the limit is ${MAX_SHARDS}`);
  const repeated = shards.find((name, index) => shards.indexOf(name) !== index);
  // Otherwise the same bytes could be listed as tensors without end.
  if (repeated !== undefined) throw fault(source, "FILE_CORRUPT", `shard ${quoted(repeated)} is listed twice`);
  const format = root.get("format");
  return { format: typeof format === "string" ? format : null, groups };
}

/** The values of a tensor from its stored bytes. */
export function tfjsValues({ dtype, stored, quantization }: TfjsTensor, bytes: Uint8Array): TensorData {
  const data = viewBytes(stored, bytes);
  if (dtype === "float32" && stored === "float16" && data instanceof Uint16Array) return float16ToFloat32(data);
  if (quantization === null || !(data instanceof Uint8Array || data instanceof Uint16Array)) return data;
  const { scale, min } = quantization;
  // In double precision and rounded once, as TensorFlow.js computes it.
  const values = dtype === "int32" ? new Int32Array(data.length) : new Float32Array(data.length);
  for (let i = 0; i < values.length; i++) {
    const value = (data[i] as number) * scale + min;
    values[i] = dtype === "int32" ? Math.round(value) : value;
  }
  return values;
}

function fault(source: ByteSource, code: "FILE_CORRUPT" | "FILE_LIMIT" | "FILE_UNSAFE", fact: string): InceptionError {
  return new InceptionError(code, `Cannot read TensorFlow.js model ${quoted(source.name)}: ${fact}`, { file: source.name });
}

function decodeText(source: ByteSource, bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw fault(source, "FILE_CORRUPT", "it is not UTF-8");
  }
}

function object(source: ByteSource, value: JsonValue | undefined, place: string): ReadonlyMap<string, JsonValue> {
  if (value instanceof Map) return value;
  throw fault(source, "FILE_CORRUPT", `${place} is not a JSON object`);
}

function list(source: ByteSource, value: JsonValue | undefined, place: string): readonly JsonValue[] {
  if (isList(value)) return value;
  throw fault(source, "FILE_CORRUPT", `${place} is not a list`);
}

function isList(value: JsonValue | undefined): value is readonly JsonValue[] {
  return Array.isArray(value);
}

function readGroup(source: ByteSource, group: ReadonlyMap<string, JsonValue>, place: string): TfjsGroup {
  const shards = list(source, group.get("paths"), `${place}.paths`).map((path) => readPath(source, path));
  const tensors: TfjsTensor[] = [];
  let offset = 0;
  for (const [index, value] of list(source, group.get("weights"), `${place}.weights`).entries()) {
    const tensor = readTensor(source, object(source, value, `${place}.weights[${index}]`), `${place}.weights[${index}]`, offset);
    offset += tensor.bytes;
    if (!Number.isSafeInteger(offset)) throw fault(source, "FILE_CORRUPT", `the tensors of ${place} need 2^53 bytes or more`);
    tensors.push(tensor);
  }
  return { shards, tensors, bytes: offset };
}

/** A shard's file name. TensorFlow.js writes `./model.weights.bin` too; every other path leads elsewhere. */
function readPath(source: ByteSource, value: JsonValue): string {
  const name = typeof value === "string" ? value.replace(/^\.\//, "") : "";
  if (isFileName(name)) return name;
  const shown = typeof value === "string" ? quoted(value) : "not a string";
  throw fault(source, "FILE_UNSAFE", `the path of a shard is ${shown}, expected the name of a file in the same directory`);
}

function readTensor(source: ByteSource, entry: ReadonlyMap<string, JsonValue>, place: string, offset: number): TfjsTensor {
  const [name, shape] = [entry.get("name"), entry.get("shape")];
  if (typeof name !== "string") throw fault(source, "FILE_CORRUPT", `${place} has no name`);
  if (!isList(shape) || !shape.every(isCount) || shape.length > MAX_RANK || checkedElementCount(shape) === null) {
    const fact = `shape must be a list of at most ${MAX_RANK} integers with a product below 2^53`;
    throw tensorFault(source, name, "FILE_CORRUPT", fact);
  }
  const dtype = readDType(source, name, entry.get("dtype"));
  const quantization = entry.get("quantization");
  const { stored, how } =
    quantization === undefined
      ? { stored: dtype, how: null }
      : readQuantization(source, name, dtype, object(source, quantization, `${place}.quantization`));
  const bytes = (checkedElementCount(shape) ?? 0) * bytesPerElement(stored);
  return { name, dtype, shape, stored, quantization: how, offset, bytes };
}

function tensorFault(source: ByteSource, name: string, code: "FILE_CORRUPT" | "FILE_UNSUPPORTED", fact: string): InceptionError {
  return new InceptionError(code, `Cannot read tensor ${quoted(name)} of ${quoted(source.name)}: ${fact}`, {
    file: source.name,
    tensor: name,
  });
}

function readDType(source: ByteSource, name: string, value: JsonValue | undefined): DType {
  if (typeof value === "string" && isSupported(value)) return value;
  const shown = typeof value === "string" ? quoted(value) : "not a string";
  throw tensorFault(source, name, "FILE_UNSUPPORTED", `dtype ${shown} is not supported, supported are ${[...DTYPES].join(", ")}`);
}

function isSupported(text: string): text is DType {
  return DTYPES.has(text);
}

/** float16 stores float32; uint8 and uint16 store float32 or int32 by a scale and a minimum. */
function readQuantization(
  source: ByteSource,
  name: string,
  dtype: DType,
  quantization: ReadonlyMap<string, JsonValue>,
): { readonly stored: DType; readonly how: TfjsQuantization | null } {
  const stored = quantization.get("dtype");
  if (stored === "float16" && dtype === "float32") return { stored, how: null };
  if ((stored !== "uint8" && stored !== "uint16") || (dtype !== "float32" && dtype !== "int32")) {
    const shown = typeof stored === "string" ? quoted(stored) : "not a string";
    const fact = `${dtype} quantized to ${shown} is not supported, supported are float32 to float16, and float32 and int32 to uint8 and uint16`;
    throw tensorFault(source, name, "FILE_UNSUPPORTED", fact);
  }
  const [scale, min] = [quantization.get("scale"), quantization.get("min")];
  if (typeof scale === "number" && typeof min === "number" && Number.isFinite(scale) && Number.isFinite(min)) {
    return { stored, how: { scale, min } };
  }
  throw tensorFault(source, name, "FILE_CORRUPT", "its quantization has no finite scale and min");
}
