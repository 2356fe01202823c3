/** Element types, with the names that safetensors, ONNX and NumPy users share. */

/** What holds the elements in memory. float16 and bfloat16 are held as their bit patterns, bool as one byte each. */
interface Storage {
  float64: Float64Array;
  float32: Float32Array;
  float16: Uint16Array;
  bfloat16: Uint16Array;
  int64: BigInt64Array;
  uint64: BigUint64Array;
  int32: Int32Array;
  uint32: Uint32Array;
  int16: Int16Array;
  uint16: Uint16Array;
  int8: Int8Array;
  uint8: Uint8Array;
  bool: Uint8Array;
}

/** Type of a tensor's elements, by ONNX's name. */
export type DType = keyof Storage;
/** The typed array that holds the elements of a dtype. */
export type TensorData<D extends DType = DType> = Storage[D];

interface DTypeInfo {
  /** Bytes per element. */
  readonly bytes: number;
  readonly create: (buffer: ArrayBuffer, offset: number, length: number) => TensorData;
}

const INFO: Readonly<Record<DType, DTypeInfo>> = {
  float64: { bytes: 8, create: (b, o, n) => new Float64Array(b, o, n) },
  float32: { bytes: 4, create: (b, o, n) => new Float32Array(b, o, n) },
  float16: { bytes: 2, create: (b, o, n) => new Uint16Array(b, o, n) },
  bfloat16: { bytes: 2, create: (b, o, n) => new Uint16Array(b, o, n) },
  int64: { bytes: 8, create: (b, o, n) => new BigInt64Array(b, o, n) },
  uint64: { bytes: 8, create: (b, o, n) => new BigUint64Array(b, o, n) },
  int32: { bytes: 4, create: (b, o, n) => new Int32Array(b, o, n) },
  uint32: { bytes: 4, create: (b, o, n) => new Uint32Array(b, o, n) },
  int16: { bytes: 2, create: (b, o, n) => new Int16Array(b, o, n) },
  uint16: { bytes: 2, create: (b, o, n) => new Uint16Array(b, o, n) },
  int8: { bytes: 1, create: (b, o, n) => new Int8Array(b, o, n) },
  uint8: { bytes: 1, create: (b, o, n) => new Uint8Array(b, o, n) },
  bool: { bytes: 1, create: (b, o, n) => new Uint8Array(b, o, n) },
};

/** Bytes that one element takes. */
export function bytesPerElement(dtype: DType): number {
  return INFO[dtype].bytes;
}

export function isDType(name: string): name is DType {
  return Object.hasOwn(INFO, name);
}

/**
 * View little-endian bytes as elements of `dtype`. Copies only where the bytes are not aligned to the element size or
 * sit in shared memory.
 *
 * @param bytes - a whole number of elements; every platform that runs JavaScript engines today is little-endian
 * @throws RangeError when the length is no multiple of the element size (callers check sizes first)
 */
export function viewBytes(dtype: DType, bytes: Uint8Array): TensorData {
  const info = INFO[dtype];
  const aligned = bytes.byteOffset % info.bytes === 0 && bytes.buffer instanceof ArrayBuffer;
  const copy = aligned ? bytes : Uint8Array.from(bytes);
  if (copy.byteLength % info.bytes !== 0) {
    throw new RangeError(`Cannot view ${copy.byteLength} bytes as ${dtype}: not a multiple of ${info.bytes}`);
  }
  const buffer = copy.buffer;
  if (!(buffer instanceof ArrayBuffer)) throw new RangeError("Cannot view shared memory as tensor data");
  return info.create(buffer, copy.byteOffset, copy.byteLength / info.bytes);
}
