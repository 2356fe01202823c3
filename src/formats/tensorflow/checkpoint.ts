/**
 * TensorFlow's two kinds of checkpoints, both tables (table.ts) whose first key is empty.
 *
 * V2 (since 2016): `NAME.index` has a record per tensor that says where its bytes are in `NAME.data-00000-of-00001` and
 * further files. V1: one file; the first record lists the tensors, each other record holds one.
 * Sources: tensorflow/core/protobuf/tensor_bundle.proto and core/util/tensor_bundle/tensor_bundle.cc;
 * tensorflow/core/util/saved_tensor_slice.proto, saved_tensor_slice_util.cc and core/lib/strings/ordered_code.cc.
 */

import { InceptionError } from "../../errors.js";
import { bytesPerElement, type DType, type TensorData } from "../../tensor/dtype.js";
import { formatCount } from "../../text.js";
import type { ByteSource } from "../byte-source.js";
import { isCount } from "../element-layout.js";
import { MessageReader, openWire, type Span, type WireFile } from "../onnx/wire.js";
import { quoted } from "../quoted.js";
import { compareBytes, looksLikeTable, readTableBlock, readTableIndex, type TableBlock, type TableEntry } from "./table.js";
import { dtypeOfTensorflow, readShape, readTensorProto } from "./tensor.js";

const BUNDLE_HEADER = { shards: 1, endianness: 2 } as const;
const BUNDLE_ENTRY = { dtype: 1, shape: 2, shard: 3, offset: 4, size: 5, crc32c: 6, slices: 7 } as const;
const SAVED_SLICES = { meta: 1, data: 2 } as const;
const SLICE_META = { tensor: 1 } as const;
const TENSOR_META = { name: 1, shape: 2, type: 3, slice: 4 } as const;
const SAVED_SLICE = { name: 1, data: 3 } as const;
const SLICE = { extent: 1 } as const;

/** Data files of one checkpoint. The names have five digits; training on many machines writes one each. */
const MAX_SHARDS = 4096;
/** Tensors of one checkpoint, as many as a safetensors header or a zip may list. */
const MAX_TENSORS = 65_536;

/** A tensor of a V2 checkpoint: a range of bytes of one of its data files. */
export interface BundleTensor {
  readonly name: string;
  /** Null for texts and other types that hold no weights. */
  readonly dtype: DType | null;
  readonly shape: readonly number[];
  readonly shard: number;
  readonly offset: number;
  /** In bytes. */
  readonly size: number;
  /** Masked CRC-32C of the bytes. */
  readonly crc32c: number;
}

export interface Bundle {
  readonly version: 2;
  readonly shards: number;
  readonly tensors: readonly BundleTensor[];
}

/** A tensor of a V1 checkpoint. */
interface SliceTensor {
  readonly name: string;
  readonly dtype: DType | null;
  readonly shape: readonly number[];
  readonly read: () => Promise<TensorData>;
}

export interface SliceFile {
  readonly version: 1;
  readonly tensors: readonly SliceTensor[];
}

/** The name of a data file, behind the name of the checkpoint: `.data-00000-of-00001`. */
export function shardEnding(shard: number, shards: number): string {
  const digits = (value: number) => String(value).padStart(5, "0");
  return `.data-${digits(shard)}-of-${digits(shards)}`;
}

/** Whether the file is the index of a V2 checkpoint or a V1 checkpoint. Reads its end. */
export const looksLikeCheckpoint: (source: ByteSource) => Promise<boolean> = looksLikeTable;

/**
 * Read what a checkpoint lists; no values.
 *
 * @throws InceptionError FILE_CORRUPT, FILE_LIMIT (4096 data files, 65,536 tensors, what table.ts and onnx/wire.ts limit),
 *   FILE_UNSUPPORTED (big-endian values, tensors in slices), FILE_TRUNCATED
 */
export async function readCheckpoint(source: ByteSource): Promise<Bundle | SliceFile> {
  const blocks = await readTableIndex(source);
  const [first] = blocks;
  const entries = first === undefined ? [] : await readTableBlock(source, first);
  const [head] = entries;
  if (head === undefined || head.key.length > 0)
    throw fail("FILE_CORRUPT", source, "its first key is not empty, as that of a checkpoint is");
  // A bundle's header begins with the number of shards, a varint, or is empty; a V1 checkpoint's first record with a message.
  const isBundle = head.value.length === 0 || ((head.value[0] ?? 0) & 7) === 0 || head.value[0] === 0x1a;
  return isBundle ? readBundle(source, blocks, entries) : readSlices(source, blocks, head);
}

type FailureCode = "FILE_CORRUPT" | "FILE_LIMIT" | "FILE_UNSUPPORTED";

function fail(code: FailureCode, source: ByteSource, fact: string): InceptionError {
  return new InceptionError(code, `Cannot read TensorFlow checkpoint ${quoted(source.name)}: ${fact}`, { file: source.name });
}

async function readBundle(source: ByteSource, blocks: readonly TableBlock[], first: readonly TableEntry[]): Promise<Bundle> {
  const [head, ...entries] = first;
  for (const block of blocks.slice(1)) {
    entries.push(...(await readTableBlock(source, block)));
    if (entries.length > MAX_TENSORS) throw fail("FILE_LIMIT", source, `it has more than ${MAX_TENSORS} tensors`);
  }
  const shards = readBundleHeader(source, head?.value ?? new Uint8Array(0));
  const tensors = entries.map(({ key, value }) => readBundleEntry(source, decodeKey(source, key), value, shards));
  return { version: 2, shards, tensors };
}

function readBundleHeader(source: ByteSource, bytes: Uint8Array): number {
  const reader = readerOf(source.name, bytes, "header");
  let shards = 0;
  let endianness = 0;
  while (reader.next()) {
    if (reader.field === BUNDLE_HEADER.shards) shards = reader.int32();
    else if (reader.field === BUNDLE_HEADER.endianness) endianness = reader.int32();
    else reader.skip();
  }
  if (endianness !== 0) throw fail("FILE_UNSUPPORTED", source, "its values are big-endian, only little-endian values are supported");
  if (shards < 1 || shards > MAX_SHARDS)
    throw fail("FILE_LIMIT", source, `it has ${formatCount(shards)} data files, expected 1 to ${formatCount(MAX_SHARDS)}`);
  return shards;
}

function decodeKey(source: ByteSource, key: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(key);
  } catch {
    throw fail("FILE_UNSUPPORTED", source, "a tensor is stored in slices, which is not supported; save it without partitioned variables");
  }
}

function readBundleEntry(source: ByteSource, name: string, bytes: Uint8Array, shards: number): BundleTensor {
  const file = openWire(source.name, bytes);
  const place = `tensor ${quoted(name)}`;
  const reader = new MessageReader(file, { start: 0, end: bytes.byteLength }, place);
  const entry = { name, dtype: dtypeOfTensorflow(0), shape: [] as readonly number[], shard: 0, offset: 0, size: 0, crc32c: 0 };
  while (reader.next()) {
    if (reader.field === BUNDLE_ENTRY.dtype) entry.dtype = dtypeOfTensorflow(reader.int32());
    else if (reader.field === BUNDLE_ENTRY.shape) entry.shape = readShape(file, reader.span(), `${place}.shape`);
    else if (reader.field === BUNDLE_ENTRY.shard) entry.shard = reader.int32();
    else if (reader.field === BUNDLE_ENTRY.offset) entry.offset = reader.safeInt("offset");
    else if (reader.field === BUNDLE_ENTRY.size) entry.size = reader.safeInt("size");
    else if (reader.field === BUNDLE_ENTRY.crc32c) entry.crc32c = file.view.getUint32(reader.numbers(4).start, true);
    else if (reader.field === BUNDLE_ENTRY.slices) throw slicesError(reader);
    else reader.skip();
  }
  const { dtype, shape, shard, offset, size } = entry;
  if (!isCount(offset) || !isCount(size) || !isCount(shard) || shard >= shards) {
    throw reader.error(
      "FILE_CORRUPT",
      `it is at byte ${offset} of data file ${shard} with ${size} bytes, expected counts and one of ${shards} files`,
    );
  }
  const needed = dtype === null ? size : shape.reduce((product, dim) => product * dim, 1) * bytesPerElement(dtype);
  if (needed !== size) throw reader.error("FILE_CORRUPT", `${dtype} [${shape.join(", ")}] needs ${needed} bytes, its entry has ${size}`);
  return entry;
}

function slicesError(reader: MessageReader): InceptionError {
  return reader.error("FILE_UNSUPPORTED", "it is stored in slices, which is not supported; save it without partitioned variables");
}

function readerOf(name: string, bytes: Uint8Array, place: string): MessageReader {
  return new MessageReader(openWire(name, bytes), { start: 0, end: bytes.byteLength }, place);
}

function readSlices(source: ByteSource, blocks: readonly TableBlock[], head: TableEntry): SliceFile {
  const file = openWire(source.name, head.value);
  const reader = new MessageReader(file, { start: 0, end: head.value.byteLength }, "header");
  const tensors: SliceTensor[] = [];
  while (reader.next()) {
    if (reader.field !== SAVED_SLICES.meta) {
      reader.skip();
      continue;
    }
    const meta = new MessageReader(file, reader.span(), "meta");
    while (meta.next()) {
      if (meta.field === SLICE_META.tensor)
        tensors.push(readTensorMeta(source, file, meta.span(), blocks, `meta.tensor[${tensors.length}]`));
      else meta.skip();
    }
  }
  if (tensors.length > MAX_TENSORS) throw fail("FILE_LIMIT", source, `it has more than ${MAX_TENSORS} tensors`);
  return { version: 1, tensors };
}

function readTensorMeta(source: ByteSource, file: WireFile, span: Span, blocks: readonly TableBlock[], place: string): SliceTensor {
  const reader = new MessageReader(file, span, place);
  let name = "";
  let shape: readonly number[] = [];
  let dtype: DType | null = null;
  let slices = 0;
  while (reader.next()) {
    if (reader.field === TENSOR_META.name) name = reader.string();
    else if (reader.field === TENSOR_META.shape) shape = readShape(file, reader.span(), `${place}.shape`);
    else if (reader.field === TENSOR_META.type) dtype = dtypeOfTensorflow(reader.int32());
    else if (reader.field === TENSOR_META.slice) {
      slices++;
      if (slices > 1 || !isWhole(file, reader.span(), `${place}.slice`)) throw slicesError(reader);
    } else reader.skip();
  }
  return { name, shape, dtype, read: () => readSlice(source, blocks, name, shape, dtype) };
}

/** Whether a slice is the whole tensor: all its extents, start and length, are left out. */
function isWhole(file: WireFile, span: Span, place: string): boolean {
  const reader = new MessageReader(file, span, place);
  while (reader.next()) {
    if (reader.field !== SLICE.extent) reader.skip();
    else {
      const extent = reader.span();
      if (extent.end > extent.start) return false;
    }
  }
  return true;
}

async function readSlice(
  source: ByteSource,
  blocks: readonly TableBlock[],
  name: string,
  shape: readonly number[],
  dtype: DType | null,
): Promise<TensorData> {
  const missing = (fact: string) => fail("FILE_CORRUPT", source, `tensor ${quoted(name)} ${fact}`);
  if (dtype === null) throw fail("FILE_UNSUPPORTED", source, `tensor ${quoted(name)} contains no numbers that can be weights`);
  const key = sliceKey(name, shape.length);
  const block = blocks.find(({ lastKey }) => compareBytes(lastKey, key) >= 0);
  const entries = block === undefined ? [] : await readTableBlock(source, block);
  const entry = entries.find((candidate) => compareBytes(candidate.key, key) === 0);
  if (entry === undefined) throw missing("is listed, but no record contains it");
  const file = openWire(source.name, entry.value);
  const place = `tensor ${quoted(name)}`;
  const reader = new MessageReader(file, { start: 0, end: entry.value.byteLength }, place);
  let data: TensorData | null = null;
  let stored = "";
  while (reader.next()) {
    if (reader.field !== SAVED_SLICES.data) {
      reader.skip();
      continue;
    }
    const slice = new MessageReader(file, reader.span(), place);
    while (slice.next()) {
      if (slice.field === SAVED_SLICE.name) stored = slice.string();
      else if (slice.field === SAVED_SLICE.data) data = readTensorProto(file, slice.span(), place, { dtype, shape }).read();
      else slice.skip();
    }
  }
  if (data === null || stored !== name) throw missing(`has a record named ${quoted(stored)}`);
  return data;
}

/**
 * The key of a whole tensor, in an encoding that sorts as its parts do: the number 0; the name, in which 0 is written 0 255
 * and 255 is written 255 0, ended by 0 1; the rank; and start 0 and length -1 for each dimension.
 */
function sliceKey(name: string, rank: number): Uint8Array {
  const text = [...new TextEncoder().encode(name)].flatMap((byte) => (byte === 0 ? [0, 255] : byte === 255 ? [255, 0] : [byte]));
  const extents = Array.from({ length: rank }, () => [0x80, 0x7f]).flat();
  return Uint8Array.from([0, ...text, 0, 1, ...(rank === 0 ? [0] : [1, rank]), ...extents]);
}
