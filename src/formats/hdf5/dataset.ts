/** Arrays: element type, shape, and where the elements lie. */
import type { DType } from "../../tensor/dtype.js";
import { bytesPerElement } from "../../tensor/dtype.js";
import { checkedElementCount, MAX_RANK } from "../element-layout.js";
import { type ChunkedLayout, readChunkedLayout } from "./chunks.js";
import type { Cursor, Hdf5File } from "./cursor.js";
import { readFilters } from "./filters.js";
import { MESSAGE, type Message } from "./object.js";

/** Where the elements of an array are: a range of the file, bytes of its header, or chunks. */
type Layout =
  | { readonly kind: "contiguous"; readonly offset: number; readonly length: number }
  | { readonly kind: "compact"; readonly bytes: Uint8Array }
  | ChunkedLayout;

export interface Dataset {
  /** Null for texts, compound and other types that hold no weights. */
  readonly dtype: DType | null;
  readonly shape: readonly number[];
  /** Bytes of all elements; 0 where `dtype` is null. */
  readonly length: number;
  /** Null where `dtype` is null or there are no elements. */
  readonly layout: Layout | null;
}

/** A dataspace without elements, whatever its rank. */
const NULL_SPACE = 2;
const CLASS = { integer: 0, float: 1, enumeration: 8 } as const;

/** The array that an object is, or null where its messages are of none. */
export function readDataset(file: Hdf5File, messages: readonly Message[]): Dataset | null {
  const find = (type: number) => messages.find((message) => message.type === type);
  const [space, type, layout] = [find(MESSAGE.dataspace), find(MESSAGE.datatype), find(MESSAGE.layout)];
  if (space === undefined || type === undefined || layout === undefined) return null;
  const shape = readShape(space.body);
  if (type.shared) throw type.body.error("FILE_UNSUPPORTED", "is a named type, which is not supported");
  const dtype = readType(type.body);
  if (dtype === null) return { dtype, shape, length: 0, layout: null };
  const external = find(MESSAGE.externalFiles);
  if (external !== undefined)
    throw external.body.error("FILE_UNSUPPORTED", "specifies that the values are in another file, which is never opened");
  const length = (checkedElementCount(shape) ?? 0) * bytesPerElement(dtype);
  if (length === 0) return { dtype, shape, length, layout: null };
  const filters = readFilters(find(MESSAGE.filters)?.body);
  return { dtype, shape, length, layout: readLayout(file, layout.body, { shape, length, width: bytesPerElement(dtype), filters }) };
}

function readShape(cursor: Cursor): readonly number[] {
  const version = cursor.expectVersion(1, 2);
  const rank = cursor.u8();
  cursor.skip(1);
  // Version 2 says whether there are no elements at all; version 1 has a byte and four more of nothing.
  const kind = cursor.u8();
  const isNull = version === 2 && kind === NULL_SPACE;
  if (version === 1) cursor.skip(4);
  if (rank > MAX_RANK) throw cursor.error("FILE_CORRUPT", `has ${rank} dimensions, the limit is ${MAX_RANK}`);
  const shape = Array.from({ length: rank }, () => cursor.length());
  if (checkedElementCount(shape) === null)
    throw cursor.error("FILE_CORRUPT", `has the shape [${shape.join(", ")}], of 2^53 elements or more`);
  return isNull ? [0] : shape;
}

/** Little-endian integers and floating-point numbers in the layouts of IEEE 754 and bfloat16, and h5py's booleans. */
function readType(cursor: Cursor): DType | null {
  const head = cursor.u8();
  const bits = cursor.u8();
  cursor.skip(2);
  const size = cursor.u32();
  const kind = head & 0x0f;
  // An enumeration of FALSE and TRUE over single bytes is a boolean; others hold no weights.
  if (kind === CLASS.enumeration) return size === 1 && bits === 2 ? "bool" : null;
  if (kind !== CLASS.integer && kind !== CLASS.float) return null;
  if ((bits & 1) !== 0 && size > 1) throw cursor.error("FILE_UNSUPPORTED", "is a big-endian type, only little-endian types are supported");
  const offset = cursor.u16();
  const precision = cursor.u16();
  if (offset !== 0 || precision !== 8 * size) return null;
  if (kind === CLASS.integer) return integerType(size, (bits & 0x08) !== 0);
  const [exponentAt, exponentBits, mantissaAt, mantissaBits] = cursor.take(4);
  const fields = [exponentAt, exponentBits, mantissaAt, mantissaBits, cursor.u32()].join();
  return FLOATS.get(fields) ?? null;
}

/** By place and size of the exponent, place and size of the mantissa, and the exponent's bias. */
const FLOATS: ReadonlyMap<string, DType> = new Map<string, DType>([
  ["52,11,0,52,1023", "float64"],
  ["23,8,0,23,127", "float32"],
  ["10,5,0,10,15", "float16"],
  ["7,8,0,7,127", "bfloat16"],
]);

function integerType(size: number, signed: boolean): DType | null {
  if (size === 1) return signed ? "int8" : "uint8";
  if (size === 2) return signed ? "int16" : "uint16";
  if (size === 4) return signed ? "int32" : "uint32";
  if (size === 8) return signed ? "int64" : "uint64";
  return null;
}

interface Elements {
  readonly shape: readonly number[];
  readonly length: number;
  readonly width: number;
  readonly filters: readonly number[];
}

function readLayout(file: Hdf5File, cursor: Cursor, elements: Elements): Layout {
  // Versions 4 and 5 differ from 3 in chunks only.
  const version = cursor.expectVersion(3, 4, 5);
  const kind = cursor.u8();
  if (kind === 2) {
    if (version > 3) {
      throw cursor.error(
        "FILE_UNSUPPORTED",
        'has chunks with an index of libver="latest", which is not supported; save with the defaults of h5py',
      );
    }
    return readChunkedLayout(file, cursor, elements);
  }
  if (kind > 1) throw cursor.error("FILE_UNSUPPORTED", `has layout ${kind}, which is not supported`);
  if (elements.filters.length > 0) throw cursor.error("FILE_CORRUPT", "has filters, which only chunks can have");
  return kind === 0 ? readCompact(cursor, elements) : readContiguous(file, cursor, elements);
}

function readCompact(cursor: Cursor, { length }: Elements): Layout {
  const size = cursor.u16();
  if (size !== length) throw cursor.error("FILE_CORRUPT", `contains ${size} bytes, its shape and type need ${length}`);
  return { kind: "compact", bytes: cursor.take(size) };
}

function readContiguous(file: Hdf5File, cursor: Cursor, { length }: Elements): Layout {
  const offset = cursor.address();
  const size = cursor.length();
  if (offset === null) throw cursor.error("FILE_UNSUPPORTED", "has values that were never written");
  if (size !== length) throw cursor.error("FILE_CORRUPT", `contains ${size} bytes, its shape and type need ${length}`);
  if (offset + length > file.source.size) {
    throw cursor.error("FILE_TRUNCATED", `has values up to byte ${offset + length}, the file has ${file.source.size}`);
  }
  return { kind: "contiguous", offset, length };
}
