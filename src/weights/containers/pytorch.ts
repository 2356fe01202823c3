import { InceptionError } from "../../errors.js";
import type { ByteSource } from "../../formats/byte-source.js";
import { elementSpan, gather, isRowMajor } from "../../formats/element-layout.js";
import { type PicklePersistent, type PickleResult, type PickleValue, readPickle } from "../../formats/pickle.js";
import { quoted } from "../../formats/quoted.js";
import { locateStored, looksLikeZip, readZipDirectory, type ZipEntry } from "../../formats/zip.js";
import { bytesPerElement, viewBytes } from "../../tensor/dtype.js";
import { formatCount } from "../../text.js";
import type { TensorEntry, WeightContainer, WeightFile } from "../weight-file.js";
import { readStateDict, readStorageRef, type StateDict, type StorageRef, type StoredTensor, TORCH_GLOBALS } from "./pytorch-state.js";

/**
 * PyTorch's torch.save in both of its layouts. Since 1.6 a zip of `NAME/data.pkl` and one stored entry per storage,
 * before that ("legacy") five pickles and the storages one after the other. Nothing in the file is executed.
 * Source: torch/serialization.py of PyTorch 1.13.
 */

/** Bytes of one pickle. A tensor takes about 115, so this is 145,000 tensors. */
const MAX_PICKLE_BYTES = 16 * 1024 * 1024;
/** Where legacy pickles are looked for first: they come without their length, and 1 MiB holds those of 9,000 tensors. */
const FIRST_LEGACY_WINDOW = 1024 * 1024;

const LEGACY_MAGIC = 0x1950a86a20f9469cfc6cn;
const LEGACY_PROTOCOL = 1001;
/** The first three pickles are a number, a number and a dict of three; torch.save writes 30 opcodes for the last. */
const MAX_LEGACY_HEAD_OPCODES = 1000;
/** LONG1, 10 bytes, and the magic number, as every legacy file has within its first bytes. */
const LEGACY_START = [0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];
/** PROTO takes 2 bytes and, from protocol 4 on, FRAME takes 9. */
const LEGACY_START_WITHIN = 11 + LEGACY_START.length;
/** A legacy storage starts with its element count, 8 bytes. */
const COUNT_BYTES = 8;

const PICKLE_ENTRY = "data.pkl";

export const pytorch: WeightContainer = {
  format: "PyTorch",
  extensions: [".pt", ".pth", ".bin", ".ckpt"],
  match: async (source) => (await looksLikeLegacy(source)) || ((await looksLikeZip(source)) && (await holdsPickle(source))),
  open: async (source) => ((await looksLikeZip(source)) ? openZip(source) : openLegacy(source)),
};

async function looksLikeLegacy(source: ByteSource): Promise<boolean> {
  const start = await source.read(0, Math.min(source.size, LEGACY_START_WITHIN));
  return start[0] === 0x80 && [2, 11].some((at) => LEGACY_START.every((byte, index) => start[at + index] === byte));
}

async function holdsPickle(source: ByteSource): Promise<boolean> {
  // torch.save writes the pickle first, which tells even where the directory is cut off.
  const start = await source.read(0, Math.min(source.size, 30 + 512));
  const name = new TextDecoder().decode(start.subarray(30, 30 + (start[26] ?? 0) + 256 * (start[27] ?? 0)));
  if (name === PICKLE_ENTRY || name.endsWith(`/${PICKLE_ENTRY}`)) return true;
  try {
    return pickleEntries(await readZipDirectory(source)).length > 0;
  } catch (error) {
    if (error instanceof InceptionError) return false;
    throw error;
  }
}

function fail(code: "FILE_CORRUPT" | "FILE_LIMIT" | "FILE_TRUNCATED" | "FILE_UNSUPPORTED", source: ByteSource, fact: string) {
  return new InceptionError(code, `Cannot read PyTorch file ${quoted(source.name)}: ${fact}`, { file: source.name });
}

/** Reads the bytes of a part of one storage; offset and length in bytes. */
type ReadStorage = (offset: number, length: number) => Promise<Uint8Array>;

function weightFile(state: StateDict, layout: "zip" | "legacy", storageOf: (tensor: StoredTensor) => ReadStorage): WeightFile {
  const tensors = new Map<string, TensorEntry>();
  for (const tensor of state.tensors) {
    const { name, dtype, shape } = tensor;
    const read = storageOf(tensor);
    tensors.set(name, {
      name,
      dtype,
      shape,
      read: async () => ({ dtype, shape, data: viewBytes(dtype, await readElements(tensor, read)) }),
    });
  }
  return { format: pytorch.format, metadata: { "pytorch.layout": layout, ...state.metadata }, tensors };
}

async function readElements({ dtype, shape, strides, offset, count }: StoredTensor, read: ReadStorage): Promise<Uint8Array> {
  const size = bytesPerElement(dtype);
  if (count === 0) return new Uint8Array(0);
  if (isRowMajor(shape, strides)) return read(offset * size, count * size);
  const span = elementSpan(shape, strides) ?? 0;
  return gather(await read(offset * size, span * size), size, shape, strides);
}

function pickleEntries(directory: ReadonlyMap<string, ZipEntry>): string[] {
  return [...directory.keys()].filter((name) => name === PICKLE_ENTRY || /^[^/]+\/data\.pkl$/.test(name));
}

async function openZip(source: ByteSource): Promise<WeightFile> {
  const directory = await readZipDirectory(source);
  const [pickleName, ...others] = pickleEntries(directory);
  if (pickleName === undefined || others.length > 0) {
    throw fail(
      "FILE_CORRUPT",
      source,
      `the archive has ${others.length + (pickleName === undefined ? 0 : 1)} entries named ${PICKLE_ENTRY}, expected 1`,
    );
  }
  const folder = pickleName.slice(0, -PICKLE_ENTRY.length);
  if (directory.has(`${folder}constants.pkl`)) {
    throw fail("FILE_UNSUPPORTED", source, "it is a TorchScript archive, which contains code; save model.state_dict() with torch.save");
  }
  await checkByteOrder(source, directory.get(`${folder}byteorder`));
  const pickle = await readSmallEntry(source, directory.get(pickleName), MAX_PICKLE_BYTES);
  const { value, end } = readPickle(pickle, 0, { where: `the pickle of ${quoted(source.name)}`, globals: TORCH_GLOBALS });
  if (end !== pickle.length) throw fail("FILE_CORRUPT", source, `its pickle ends at byte ${end} of ${pickle.length}`);
  return weightFile(readStateDict(value, source.name, source.size), "zip", (tensor) => zipStorage(source, directory, folder, tensor));
}

async function readSmallEntry(source: ByteSource, entry: ZipEntry | undefined, limit: number): Promise<Uint8Array> {
  if (entry === undefined) return new Uint8Array(0);
  if (entry.size > limit) {
    throw fail(
      "FILE_LIMIT",
      source,
      `entry ${quoted(entry.name)} has ${formatCount(entry.size)} bytes, the limit is ${formatCount(limit)}`,
    );
  }
  const { offset, length } = await locateStored(source, entry);
  return source.read(offset, length);
}

/** Written since PyTorch 2.1: "little" or "big". */
async function checkByteOrder(source: ByteSource, entry: ZipEntry | undefined): Promise<void> {
  const order = new TextDecoder().decode(await readSmallEntry(source, entry, 16));
  if (order === "" || order === "little") return;
  throw fail("FILE_UNSUPPORTED", source, `its byte order is ${quoted(order)}, only "little" is supported`);
}

function zipStorage(source: ByteSource, directory: ReadonlyMap<string, ZipEntry>, folder: string, tensor: StoredTensor): ReadStorage {
  const { key, dtype, count } = tensor.storage;
  const entry = directory.get(`${folder}data/${key}`);
  const place = `Cannot read tensor ${quoted(tensor.name)} of ${quoted(source.name)}: storage ${quoted(key)}`;
  if (entry === undefined) {
    throw new InceptionError("FILE_CORRUPT", `${place} is not in the archive`, { file: source.name, tensor: tensor.name });
  }
  const bytes = count * bytesPerElement(dtype);
  if (entry.size !== bytes) {
    throw new InceptionError("FILE_CORRUPT", `${place} of ${count} ${dtype} needs ${bytes} bytes, its entry has ${entry.size}`, {
      file: source.name,
      tensor: tensor.name,
    });
  }
  return async (offset, length) => source.read((await locateStored(source, entry)).offset + offset, length);
}

interface LegacyHead {
  readonly root: PickleValue;
  /** Every storage that the root pickle refers to. */
  readonly persistent: readonly PicklePersistent[];
  readonly storageKeys: readonly string[];
  /** Where the first storage starts, in bytes. */
  readonly end: number;
}

async function openLegacy(source: ByteSource): Promise<WeightFile> {
  const head = await readLegacyHead(source);
  const state = readStateDict(head.root, source.name, source.size);
  const storages = await locateLegacyStorages(source, head);
  return weightFile(state, "legacy", ({ name, storage }) => {
    const start = storages.get(storage.key);
    if (start === undefined) {
      throw new InceptionError(
        "FILE_CORRUPT",
        `Cannot read tensor ${quoted(name)} of ${quoted(source.name)}: storage ${quoted(storage.key)} is not in the list of storages`,
        { file: source.name, tensor: name },
      );
    }
    return (offset, length) => source.read(start + offset, length);
  });
}

async function readLegacyHead(source: ByteSource): Promise<LegacyHead> {
  for (let window = FIRST_LEGACY_WINDOW; ; window *= 4) {
    const bytes = await source.read(0, Math.min(window, source.size));
    try {
      return parseLegacyHead(source, bytes);
    } catch (error) {
      const cutByWindow = error instanceof InceptionError && error.code === "FILE_TRUNCATED" && bytes.length < source.size;
      if (!cutByWindow) throw error;
      if (window >= MAX_PICKLE_BYTES) throw fail("FILE_LIMIT", source, `its pickles do not end within ${window} bytes`);
    }
  }
}

function parseLegacyHead(source: ByteSource, bytes: Uint8Array): LegacyHead {
  let at = 0;
  const next = (globals: ReadonlySet<string>, limits: { readonly maxOpcodes?: number } = {}): PickleResult => {
    const result = readPickle(bytes, at, { where: `the pickle of ${quoted(source.name)}`, globals, ...limits });
    at = result.end;
    return result;
  };
  const none: ReadonlySet<string> = new Set();
  const small = { maxOpcodes: MAX_LEGACY_HEAD_OPCODES };
  const magic = next(none, small).value;
  const protocol = next(none, small).value;
  const system = next(none, small).value;
  if (magic !== LEGACY_MAGIC || protocol !== LEGACY_PROTOCOL || !(system instanceof Map)) {
    throw fail("FILE_CORRUPT", source, `it does not start with torch.save's magic number and protocol ${LEGACY_PROTOCOL}`);
  }
  if (system.get("little_endian") !== true) throw fail("FILE_UNSUPPORTED", source, "its byte order is not little-endian");
  const { value: root, persistent } = next(TORCH_GLOBALS);
  const keys = next(none).value;
  const storageKeys = Array.isArray(keys) ? keys.filter((key) => typeof key === "string") : [];
  if (!Array.isArray(keys) || storageKeys.length !== keys.length || new Set(storageKeys).size !== keys.length) {
    throw fail("FILE_CORRUPT", source, "its list of storages is not a list of unique names");
  }
  return { root, persistent, storageKeys, end: at };
}

/** Where the elements of each storage start. The storages lie one after the other, each behind its element count. */
async function locateLegacyStorages(source: ByteSource, head: LegacyHead): Promise<ReadonlyMap<string, number>> {
  const declared = declaredStorages(source, head.persistent);
  const starts = new Map<string, number>();
  let at = head.end;
  for (const key of head.storageKeys) {
    const storage = declared.get(key);
    // Without a declaration its element size is unknown, so nothing behind it could be found.
    if (storage === undefined) throw fail("FILE_CORRUPT", source, `storage ${quoted(key)} is listed but never referred to`);
    const countBytes = await source.read(at, COUNT_BYTES);
    const count = new DataView(countBytes.buffer, countBytes.byteOffset, COUNT_BYTES).getBigInt64(0, true);
    if (count !== BigInt(storage.count)) {
      throw fail(
        "FILE_CORRUPT",
        source,
        `storage ${quoted(key)} has ${count} elements at byte ${at}, its tensors declare ${storage.count}`,
      );
    }
    starts.set(key, at + COUNT_BYTES);
    at += COUNT_BYTES + storage.count * bytesPerElement(storage.dtype);
    if (at > source.size) throw fail("FILE_TRUNCATED", source, `storage ${quoted(key)} ends at byte ${at}, the file has ${source.size}`);
  }
  if (at !== source.size) throw fail("FILE_CORRUPT", source, `its storages end at byte ${at}, the file has ${source.size}`);
  return starts;
}

function declaredStorages(source: ByteSource, persistent: readonly PicklePersistent[]): ReadonlyMap<string, StorageRef> {
  const declared = new Map<string, StorageRef>();
  for (const item of persistent) {
    const storage = readStorageRef(item, (code, fact) => fail(code, source, fact));
    const known = declared.get(storage.key) ?? storage;
    if (known.dtype !== storage.dtype || known.count !== storage.count) {
      const fact = `is declared as ${known.count} ${known.dtype} and as ${storage.count} ${storage.dtype}`;
      throw fail("FILE_CORRUPT", source, `storage ${quoted(storage.key)} ${fact}`);
    }
    declared.set(storage.key, storage);
  }
  return declared;
}
