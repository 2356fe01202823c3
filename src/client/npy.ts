/** Arrays of NumPy's .npy format, as the server writes them: little-endian, row-major, 32 bits. */
import { invalidAnswer } from "./json.js";

/** Numbers in row-major order. */
export interface NumericArray<T> {
  readonly shape: readonly number[];
  readonly data: T;
}

/** @throws ClientError ANSWER_INVALID */
export function readFloats(bytes: ArrayBuffer): NumericArray<Float32Array> {
  const { shape, count, at } = headOf(bytes, "<f4");
  return { shape, data: new Float32Array(bytes.slice(at, at + 4 * count)) };
}

/** @throws ClientError ANSWER_INVALID */
export function readIntegers(bytes: ArrayBuffer): NumericArray<Int32Array> {
  const { shape, count, at } = headOf(bytes, "<i4");
  return { shape, data: new Int32Array(bytes.slice(at, at + 4 * count)) };
}

/** Format version 1: magic and version in 8 bytes, the length of the header in 2, the header as a Python literal. */
function headOf(bytes: ArrayBuffer, type: string) {
  const at = bytes.byteLength < 10 ? 0 : 10 + new DataView(bytes).getUint16(8, true);
  const head = new TextDecoder("latin1").decode(new Uint8Array(bytes).subarray(0, at));
  const sizes = /^.NUMPY.*'shape': \(([\d, ]*)\)/s.exec(head)?.[1];
  const isType = head.includes(`'descr': '${type}'`) && head.includes("'fortran_order': False");
  const shape = (sizes ?? "")
    .split(",")
    .filter((size) => size.trim() !== "")
    .map(Number);
  const count = shape.reduce((product, size) => product * size, 1);
  if (sizes === undefined || !isType || bytes.byteLength !== at + 4 * count) throw invalidAnswer(`it is not an .npy file of type ${type}`);
  return { shape, count, at };
}
