/** The element types of ONNX: their codes, their sizes, and where a TensorProto may keep their values besides `raw_data`. */

import { TENSOR } from "./fields.js";
import type { OnnxDType } from "./types.js";

/** The typed fields of a TensorProto; a value is one number of such a field. */
export type ValueField = "floatData" | "int32Data" | "int64Data" | "doubleData" | "uint64Data";

interface DataType {
  /** TensorProto.DataType. */
  readonly code: number;
  /** Bits of one element; strings have none of their own. */
  readonly bits: number;
  readonly field: ValueField | "stringData";
  /** Bits of an element that one value of the typed field carries: half a complex number, two 4-bit elements. */
  readonly bitsPerValue: number;
}

const DATA_TYPES: Readonly<Record<OnnxDType, DataType>> = {
  float32: { code: 1, bits: 32, field: "floatData", bitsPerValue: 32 },
  uint8: { code: 2, bits: 8, field: "int32Data", bitsPerValue: 8 },
  int8: { code: 3, bits: 8, field: "int32Data", bitsPerValue: 8 },
  uint16: { code: 4, bits: 16, field: "int32Data", bitsPerValue: 16 },
  int16: { code: 5, bits: 16, field: "int32Data", bitsPerValue: 16 },
  int32: { code: 6, bits: 32, field: "int32Data", bitsPerValue: 32 },
  int64: { code: 7, bits: 64, field: "int64Data", bitsPerValue: 64 },
  string: { code: 8, bits: 0, field: "stringData", bitsPerValue: 0 },
  bool: { code: 9, bits: 8, field: "int32Data", bitsPerValue: 8 },
  float16: { code: 10, bits: 16, field: "int32Data", bitsPerValue: 16 },
  float64: { code: 11, bits: 64, field: "doubleData", bitsPerValue: 64 },
  uint32: { code: 12, bits: 32, field: "uint64Data", bitsPerValue: 32 },
  uint64: { code: 13, bits: 64, field: "uint64Data", bitsPerValue: 64 },
  complex64: { code: 14, bits: 64, field: "floatData", bitsPerValue: 32 },
  complex128: { code: 15, bits: 128, field: "doubleData", bitsPerValue: 64 },
  bfloat16: { code: 16, bits: 16, field: "int32Data", bitsPerValue: 16 },
  float8e4m3fn: { code: 17, bits: 8, field: "int32Data", bitsPerValue: 8 },
  float8e4m3fnuz: { code: 18, bits: 8, field: "int32Data", bitsPerValue: 8 },
  float8e5m2: { code: 19, bits: 8, field: "int32Data", bitsPerValue: 8 },
  float8e5m2fnuz: { code: 20, bits: 8, field: "int32Data", bitsPerValue: 8 },
  uint4: { code: 21, bits: 4, field: "int32Data", bitsPerValue: 8 },
  int4: { code: 22, bits: 4, field: "int32Data", bitsPerValue: 8 },
  float4e2m1: { code: 23, bits: 4, field: "int32Data", bitsPerValue: 8 },
  float8e8m0: { code: 24, bits: 8, field: "int32Data", bitsPerValue: 8 },
  uint2: { code: 25, bits: 2, field: "int32Data", bitsPerValue: 8 },
  int2: { code: 26, bits: 2, field: "int32Data", bitsPerValue: 8 },
};

/** How each typed field is written: its number and name in onnx.proto, and the width of one value, null for varints. */
export const VALUE_FIELDS: Readonly<
  Record<ValueField, { readonly number: number; readonly name: string; readonly fixedBytes: 4 | 8 | null }>
> = {
  floatData: { number: TENSOR.floatData, name: "float_data", fixedBytes: 4 },
  int32Data: { number: TENSOR.int32Data, name: "int32_data", fixedBytes: null },
  int64Data: { number: TENSOR.int64Data, name: "int64_data", fixedBytes: null },
  doubleData: { number: TENSOR.doubleData, name: "double_data", fixedBytes: 8 },
  uint64Data: { number: TENSOR.uint64Data, name: "uint64_data", fixedBytes: null },
};

/** The typed field of a field number, or null when it is none. */
export function valueFieldOf(number: number): ValueField | null {
  if (number === TENSOR.floatData) return "floatData";
  if (number === TENSOR.int32Data) return "int32Data";
  if (number === TENSOR.int64Data) return "int64Data";
  if (number === TENSOR.doubleData) return "doubleData";
  return number === TENSOR.uint64Data ? "uint64Data" : null;
}

/** What is known of an element type: its ONNX code, its size in bits, its typed field. */
export function dataType(dtype: OnnxDType): DataType {
  return DATA_TYPES[dtype];
}

const DTYPES_BY_CODE: ReadonlyMap<number, OnnxDType> = new Map(
  // Object.keys of a Record whose keys are OnnxDType.
  (Object.keys(DATA_TYPES) as OnnxDType[]).map((dtype) => [DATA_TYPES[dtype].code, dtype]),
);

/** The element type of an ONNX code; null for UNDEFINED (0) and for codes newer than this table. */
export function dtypeOfCode(code: number): OnnxDType | null {
  return DTYPES_BY_CODE.get(code) ?? null;
}

/** Elements of a shape, 1 for a scalar; null when there are more than a number can count. */
export function countElements(shape: readonly number[]): number | null {
  // First, so that an overflow before a zero does not count.
  if (shape.includes(0)) return 0;
  const count = shape.reduce((product, dim) => product * dim, 1);
  return Number.isSafeInteger(count) ? count : null;
}

/** Bytes that `count` elements take, packed; 0 for strings, which are kept apart. */
export function bytesOfElements(dtype: OnnxDType, count: number): number {
  return Math.ceil((count * DATA_TYPES[dtype].bits) / 8);
}
