import { InceptionError } from "../errors.js";
import { bytesPerElement, type DType, type TensorData, viewBytes } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";
import { formatCount } from "../text.js";
import type { ByteSource } from "./byte-source.js";
import { checkedElementCount, columnMajorStrides, gather, isRowMajor, MAX_RANK } from "./element-layout.js";
import { quoted } from "./quoted.js";

/**
 * NumPy's .npy: magic, version, header length, a Python dict literal, then the elements.
 * Source: numpy/lib/format.py of NumPy 2.
 */

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];
/** Magic and version. */
const START_BYTES = 8;
/** numpy.load refuses longer headers too; a plain array's has about 118 bytes. */
const MAX_HEADER_BYTES = 10_000;
/** numpy.save pads so that the elements start at a multiple of this. */
const ALIGNMENT = 64;

const DTYPES: ReadonlyMap<string, DType> = new Map<string, DType>([
  ["<f8", "float64"],
  ["<f4", "float32"],
  ["<f2", "float16"],
  ["<i8", "int64"],
  ["<u8", "uint64"],
  ["<i4", "int32"],
  ["<u4", "uint32"],
  ["<i2", "int16"],
  ["<u2", "uint16"],
  ["|i1", "int8"],
  ["|u1", "uint8"],
  ["|b1", "bool"],
]);

/** Whether the file starts with NumPy's magic. Reads 6 bytes. */
export async function looksLikeNpy(source: ByteSource): Promise<boolean> {
  if (source.size < START_BYTES) return false;
  const start = await source.read(0, MAGIC.length);
  return MAGIC.every((byte, index) => start[index] === byte);
}

/**
 * Read one array, versions 1 to 3. Column-major ("Fortran order") arrays are transposed into row-major order.
 *
 * @throws InceptionError FILE_UNRECOGNIZED (no .npy), FILE_UNSAFE (pickled Python objects), FILE_UNSUPPORTED (element type, byte order,
 * version), FILE_TRUNCATED, FILE_CORRUPT, FILE_LIMIT (header above 10,000 bytes)
 */
export async function openNpy(source: ByteSource): Promise<Tensor> {
  const array = await describeNpy(source);
  const { dtype, shape } = array;
  return { dtype, shape, data: await array.read() };
}

/** An array whose elements have not been read. */
interface NpyArray {
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** The elements in row-major order. */
  readonly read: () => Promise<TensorData>;
}

/** Read the header of one array; as `openNpy`, with the elements on demand. */
export async function describeNpy(source: ByteSource): Promise<NpyArray> {
  if (!(await looksLikeNpy(source))) throw fail("FILE_UNRECOGNIZED", source, "it does not start with NumPy's magic bytes");
  const header = await readHeader(source);
  const dtype = readDType(source, header.descr);
  const count = header.shape.length > MAX_RANK ? null : checkedElementCount(header.shape);
  if (count === null) {
    throw fail("FILE_CORRUPT", source, `shape has more than ${MAX_RANK} dimensions, or 2^53 elements or more`);
  }
  const length = count * bytesPerElement(dtype);
  const held = source.size - header.end;
  if (length !== held) {
    const code = length > held ? "FILE_TRUNCATED" : "FILE_CORRUPT";
    throw fail(code, source, `${dtype} [${header.shape.join(", ")}] needs ${length} bytes, the file has ${held} after its header`);
  }
  const strides = columnMajorStrides(header.shape);
  const apart = header.fortranOrder && count > 0 && !isRowMajor(header.shape, strides);
  return {
    dtype,
    shape: header.shape,
    read: async () => {
      const bytes = await source.read(header.end, length);
      return viewBytes(dtype, apart ? gather(bytes, bytesPerElement(dtype), header.shape, strides) : bytes);
    },
  };
}

type FailureCode = "FILE_CORRUPT" | "FILE_LIMIT" | "FILE_TRUNCATED" | "FILE_UNRECOGNIZED" | "FILE_UNSAFE" | "FILE_UNSUPPORTED";

function fail(code: FailureCode, source: ByteSource, fact: string): InceptionError {
  return new InceptionError(code, `Cannot read NumPy file ${quoted(source.name)}: ${fact}`, { file: source.name });
}

interface NpyHeader {
  /** The literal as it stands, quotes included for plain types. */
  readonly descr: string;
  readonly fortranOrder: boolean;
  readonly shape: readonly number[];
  /** Where the elements start, in bytes. */
  readonly end: number;
}

async function readHeader(source: ByteSource): Promise<NpyHeader> {
  const [major = 0] = await source.read(MAGIC.length, 1);
  if (major < 1 || major > 3) throw fail("FILE_UNSUPPORTED", source, `its format version is ${major}, supported are 1 to 3`);
  const lengthBytes = major === 1 ? 2 : 4;
  const lengthField = await source.read(START_BYTES, Math.min(lengthBytes, source.size - START_BYTES));
  const length = lengthField.reduceRight((sum, byte) => sum * 256 + byte, 0);
  if (length > MAX_HEADER_BYTES) {
    throw fail("FILE_LIMIT", source, `its header has ${formatCount(length)} bytes, the limit is ${formatCount(MAX_HEADER_BYTES)}`);
  }
  const start = START_BYTES + lengthBytes;
  if (start + length > source.size) {
    throw fail("FILE_TRUNCATED", source, `its header ends at byte ${start + length}, the file has ${source.size}`);
  }
  const text = new TextDecoder("latin1").decode(await source.read(start, length));
  return { ...parseHeader(source, text), end: start + length };
}

// One entry of the dict: a key, and one of the four kinds of literal that NumPy writes. No part can match in two ways,
// so that matching takes time in proportion to the header's length.
const ENTRY = /\s*'(descr|fortran_order|shape)':\s*('[^']*'|\[[^\]]*\]|True|False|\([0-9L, ]*\))\s*(,|(?=\}))/y;
const OPEN = /^\s*\{/;
const CLOSE = /\s*\}\s*$/y;

function parseHeader(source: ByteSource, text: string): Omit<NpyHeader, "end"> {
  const values = new Map<string, string>();
  let at = OPEN.exec(text)?.[0].length ?? 0;
  const entry = new RegExp(ENTRY);
  for (;;) {
    entry.lastIndex = at;
    const match = entry.exec(text);
    if (match === null) break;
    const [whole, key = "", value = ""] = match;
    if (values.has(key)) throw fail("FILE_CORRUPT", source, `its header has ${quoted(key)} twice`);
    values.set(key, value);
    at += whole.length;
  }
  const close = new RegExp(CLOSE);
  close.lastIndex = at;
  const descr = values.get("descr");
  const fortranOrder = values.get("fortran_order");
  const shape = readShape(values.get("shape"));
  if (!close.test(text) || descr === undefined || (fortranOrder !== "True" && fortranOrder !== "False") || shape === null) {
    throw fail("FILE_CORRUPT", source, `its header is not a dict of descr, fortran_order and shape: ${quoted(text.trim())}`);
  }
  return { descr, fortranOrder: fortranOrder === "True", shape };
}

/** A tuple of Python integers; Python 2 wrote an L behind some. */
function readShape(literal: string | undefined): number[] | null {
  if (literal === undefined || !/^\((|\d+L?,|\d+L?(, ?\d+L?)+,?)\)$/.test(literal)) return null;
  return (literal.match(/\d+/g) ?? []).map(Number);
}

function readDType(source: ByteSource, descr: string): DType {
  const type = descr.slice(1, -1);
  const dtype = descr.startsWith("'") ? DTYPES.get(type) : undefined;
  if (dtype !== undefined) return dtype;
  // Also inside a record type, where it follows a quote.
  if (/['|<>=]O/.test(descr)) {
    throw fail(
      "FILE_UNSAFE",
      source,
      "it contains pickled Python objects, which are never loaded; save plain arrays, as safetensors or one .npy each",
    );
  }
  throw fail("FILE_UNSUPPORTED", source, `element type ${quoted(type)} is not supported, supported are ${[...DTYPES.keys()].join(", ")}`);
}

/**
 * The bytes of a .npy file, version 1, as numpy.save writes it.
 *
 * @throws InceptionError OPTION_INVALID (bfloat16, which NumPy does not have), SHAPE_INVALID (shape and data disagree)
 */
export function encodeNpy(tensor: Tensor): Uint8Array {
  const { dtype, shape, data } = tensor;
  const descr = [...DTYPES].find(([, ours]) => ours === dtype)?.[0];
  if (descr === undefined) {
    throw new InceptionError(
      "OPTION_INVALID",
      `Cannot write a ${dtype} tensor as .npy: NumPy has no such type; convert it to float32 first`,
      { dtype },
    );
  }
  if (checkedElementCount(shape) !== data.length) {
    throw new InceptionError(
      "SHAPE_INVALID",
      `Cannot write a tensor as .npy: shape [${shape.join(", ")}] does not match its ${data.length} elements`,
      {
        shape,
        elements: data.length,
      },
    );
  }
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(", ")})`;
  const literal = `{'descr': '${descr}', 'fortran_order': False, 'shape': ${tuple}, }`;
  const start = START_BYTES + 2;
  const end = Math.ceil((start + literal.length + 1) / ALIGNMENT) * ALIGNMENT;
  const bytes = new Uint8Array(end + data.byteLength).fill(0x20, start, end);
  bytes.set([...MAGIC, 1, 0, (end - start) & 0xff, (end - start) >> 8]);
  bytes.set(new TextEncoder().encode(literal), start);
  bytes[end - 1] = 0x0a;
  bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), end);
  return bytes;
}
