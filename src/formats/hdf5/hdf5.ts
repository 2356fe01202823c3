/**
 * Reads the arrays of HDF5 files as h5py writes them for Keras, and refuses the rest of the format by name. Why not the
 * HDF5 library: docs/decisions/0007.
 * Source: HDF5 File Format Specification 3.0, https://support.hdfgroup.org/documentation/hdf5/latest/_f_m_t3.html.
 */

import { type DType, type TensorData, viewBytes } from "../../tensor/dtype.js";
import { formatCount } from "../../text.js";
import type { ByteSource } from "../byte-source.js";
import { readChunks } from "./chunks.js";
import { Cursor, type Hdf5File, hdf5Error } from "./cursor.js";
import { type Dataset, readDataset } from "./dataset.js";
import { readMembers } from "./group.js";
import { readObject } from "./object.js";

const SIGNATURE = [0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a];
/** Groups nest five deep in files of Keras. */
const MAX_DEPTH = 32;
/** Arrays of one file: as many as a zip may have entries. */
const MAX_ARRAYS = 65_536;
/** Bytes of all arrays over bytes of the file. */
const MAX_EXPANSION = 8;

/** An array of the file, under its path without a leading slash. */
export interface Hdf5Array {
  readonly path: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly read: () => Promise<TensorData>;
}

/** Whether the file begins with HDF5's signature. Reads 8 bytes. */
export async function looksLikeHdf5(source: ByteSource): Promise<boolean> {
  if (source.size < SIGNATURE.length) return false;
  const start = await source.read(0, SIGNATURE.length);
  return SIGNATURE.every((byte, index) => start[index] === byte);
}

/**
 * List the arrays of numbers, by path. Arrays of texts and of other types are left out; attributes are not read.
 *
 * @throws InceptionError FILE_TRUNCATED, FILE_CORRUPT, FILE_LIMIT (nesting, arrays, structures, 8 times the file's bytes),
 *   FILE_UNSUPPORTED (links, named and big-endian types, other filters than gzip and shuffle, indexes of `libver="latest"`)
 */
export async function readHdf5(source: ByteSource): Promise<readonly Hdf5Array[]> {
  const { file, root } = await readSuperblock(source);
  const arrays: Hdf5Array[] = [];
  const walk: Walk = { file, open: new Set(), arrays, bytes: 0 };
  await visit(walk, root, "", 0);
  return arrays;
}

interface Superblock {
  readonly file: Hdf5File;
  /** Address of the root group's object header. */
  readonly root: number;
}

async function readSuperblock(source: ByteSource): Promise<Superblock> {
  const bytes = await source.read(0, Math.min(source.size, 128));
  const sized = (offsetBytes: number, lengthBytes: number): Hdf5File => ({
    source,
    offsetBytes,
    lengthBytes,
    spent: { structures: 0, bytes: 0 },
  });
  const version = bytes[8] ?? 0;
  const old = version < 2;
  const file = sized(bytes[old ? 13 : 9] ?? 0, bytes[old ? 14 : 10] ?? 0);
  const cursor = new Cursor(file, bytes, "superblock", 0);
  cursor.skip(SIGNATURE.length);
  cursor.expectVersion(0, 1, 2, 3);
  for (const width of [file.offsetBytes, file.lengthBytes]) {
    if (![2, 4, 8].includes(width)) throw cursor.error("FILE_CORRUPT", `has addresses or lengths of ${width} bytes, expected 2, 4 or 8`);
  }
  cursor.at = old ? (version === 0 ? 24 : 28) : 12;
  const base = cursor.place();
  if (base !== 0) throw cursor.error("FILE_UNSUPPORTED", `has base address ${base}, expected 0`);
  cursor.address();
  const end = cursor.place();
  if (end > source.size) throw hdf5Error("FILE_TRUNCATED", source, `it should have ${end} bytes, it has ${source.size}`);
  // Version 0 and 1: the driver's address, then a symbol table entry, whose first field is a name.
  if (old) {
    cursor.address();
    cursor.address();
  }
  return { file, root: cursor.place() };
}

interface Walk {
  readonly file: Hdf5File;
  /** Groups that the path leads through: a group inside itself has no end. */
  readonly open: Set<number>;
  readonly arrays: Hdf5Array[];
  bytes: number;
}

async function visit(walk: Walk, address: number, path: string, depth: number): Promise<void> {
  const { file, open, arrays } = walk;
  const { source } = file;
  if (open.has(address)) throw hdf5Error("FILE_CORRUPT", source, `a group contains itself, at byte ${address}`);
  if (depth > MAX_DEPTH) throw hdf5Error("FILE_LIMIT", source, `its groups nest deeper than ${MAX_DEPTH}`);
  const messages = await readObject(file, address);
  const members = await readMembers(file, messages);
  if (members === null) {
    const dataset = readDataset(file, messages);
    if (dataset !== null && dataset.dtype !== null) addArray(walk, path, dataset.dtype, dataset);
    return;
  }
  open.add(address);
  for (const member of members) await visit(walk, member.address, path === "" ? member.name : `${path}/${member.name}`, depth + 1);
  open.delete(address);
  if (arrays.length > MAX_ARRAYS) throw hdf5Error("FILE_LIMIT", source, `it has more than ${MAX_ARRAYS} arrays`);
}

function addArray(walk: Walk, path: string, dtype: DType, dataset: Dataset): void {
  const { file } = walk;
  walk.bytes += dataset.length;
  if (walk.bytes > MAX_EXPANSION * file.source.size) {
    const fact = `its arrays take ${formatCount(walk.bytes)} bytes, the limit is ${MAX_EXPANSION} times the file size of ${formatCount(file.source.size)}`;
    throw hdf5Error("FILE_LIMIT", file.source, fact);
  }
  walk.arrays.push({ path, dtype, shape: dataset.shape, read: async () => viewBytes(dtype, await readBytes(file, dataset)) });
}

async function readBytes({ source, offsetBytes, lengthBytes }: Hdf5File, { layout, length }: Dataset): Promise<Uint8Array> {
  if (layout === null) return new Uint8Array(0);
  if (layout.kind === "compact") return layout.bytes;
  if (layout.kind === "contiguous") return source.read(layout.offset, layout.length);
  // Each array has caps of its own, so that reading all of a large file never runs into them.
  return readChunks({ source, offsetBytes, lengthBytes, spent: { structures: 0, bytes: 0 } }, layout, length);
}
