/** Tensors of the Open Inference Protocol: as JSON, and as bytes after it (the binary tensor extension). */
import { bytesPerElement, type DType, elementCount, type Tensor, type TensorData, viewBytes } from "inceptionkit/core";
import { invalidRequest } from "./problem.js";

/** Element types by the protocol's names. */
const DATATYPES: Readonly<Record<string, DType>> = {
  BOOL: "bool",
  UINT8: "uint8",
  UINT16: "uint16",
  UINT32: "uint32",
  UINT64: "uint64",
  INT8: "int8",
  INT16: "int16",
  INT32: "int32",
  INT64: "int64",
  FP16: "float16",
  FP32: "float32",
  FP64: "float64",
  BF16: "bfloat16",
};
const NAMES: ReadonlyMap<DType, string> = new Map(Object.entries(DATATYPES).map(([name, dtype]) => [dtype, name]));

/** Axes of a tensor; images have four, volumes five. */
const MAX_RANK = 8;

/** The protocol's name of an element type. */
export function datatypeOf(dtype: DType): string {
  return NAMES.get(dtype) ?? dtype;
}

interface TensorHead {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
}

/**
 * An input of a request.
 *
 * @param take - the next bytes after the JSON
 * @throws RequestError
 */
export function readTensor(value: unknown, take: (size: number) => Uint8Array): { readonly name: string; readonly tensor: Tensor } {
  const input = recordOf(value, "an input");
  const head = headOf(input);
  const size = recordOf(input.parameters ?? {}, "parameters").binary_data_size;
  const data = size === undefined ? fromJson(head, input.data) : fromBytes(head, size, take);
  return { name: head.name, tensor: { dtype: head.dtype, shape: head.shape, data } };
}

function headOf({ name, datatype, shape }: Readonly<Record<string, unknown>>): TensorHead {
  if (typeof name !== "string") throw invalidRequest("Cannot read an input: it has no name");
  const dtype = typeof datatype === "string" && Object.hasOwn(DATATYPES, datatype) ? DATATYPES[datatype] : undefined;
  if (dtype === undefined)
    throw invalidRequest(`Cannot read input ${JSON.stringify(name)}: expected a datatype of ${Object.keys(DATATYPES).join(", ")}`);
  const sizes = Array.isArray(shape) ? shape.map(Number) : [];
  const isShape = Array.isArray(shape) && shape.length <= MAX_RANK && sizes.every((axis) => Number.isSafeInteger(axis) && axis >= 0);
  if (!isShape || !Number.isSafeInteger(elementCount(sizes))) {
    throw invalidRequest(`Cannot read input ${JSON.stringify(name)}: expected a shape of at most ${MAX_RANK} integers`);
  }
  return { name, dtype, shape: sizes };
}

function fromBytes({ name, dtype, shape }: TensorHead, size: unknown, take: (size: number) => Uint8Array): TensorData {
  const expected = elementCount(shape) * bytesPerElement(dtype);
  if (size === expected) return viewBytes(dtype, take(expected));
  throw invalidRequest(
    `Cannot read input ${JSON.stringify(name)}: its shape takes ${expected} bytes, binary_data_size is ${JSON.stringify(size)}`,
  );
}

/** Numbers in row-major order, in one list or nested as the shape is. */
function fromJson({ name, dtype, shape }: TensorHead, data: unknown): TensorData {
  const refused = (fact: string) => invalidRequest(`Cannot read input ${JSON.stringify(name)}: ${fact}`);
  if (!Array.isArray(data)) throw refused("expected data as a list, or binary_data_size");
  const values: readonly unknown[] = data.flat(MAX_RANK);
  if (values.length !== elementCount(shape)) throw refused(`its shape has ${elementCount(shape)} elements, data has ${values.length}`);
  if (dtype === "float16" || dtype === "bfloat16") throw refused("elements of 16 bits cannot be JSON; send them as binary data");
  const bad = values.findIndex((value) => typeof value !== "number" && typeof value !== "boolean");
  if (bad >= 0) throw refused(`element ${bad} is not a number`);
  const numbers = values.map(Number);
  if (dtype !== "int64" && dtype !== "uint64") {
    const typed = viewBytes(dtype, new Uint8Array(numbers.length * bytesPerElement(dtype)));
    for (const [index, number] of numbers.entries()) typed[index] = number;
    const changed = dtype.startsWith("float") ? -1 : numbers.findIndex((number, index) => Number(typed[index]) !== number);
    if (changed >= 0) throw refused(`element ${changed} is not in the range of ${datatypeOf(dtype)}`);
    return typed;
  }
  const fraction = numbers.findIndex((number) => !Number.isSafeInteger(number) || (dtype === "uint64" && number < 0));
  if (fraction >= 0) throw refused(`element ${fraction} is not an integer that JSON can represent`);
  return dtype === "int64" ? BigInt64Array.from(numbers, BigInt) : BigUint64Array.from(numbers, BigInt);
}

/** Elements as JSON numbers. @throws RequestError for 16-bit floats, and for NaN and infinity, which JSON does not have */
export function jsonData(name: string, { dtype, data }: Tensor): readonly (number | boolean)[] {
  if (dtype === "float16" || dtype === "bfloat16")
    throw invalidRequest(`Cannot send output ${JSON.stringify(name)} as JSON: request it as binary data`);
  const numbers = Array.from(data, Number);
  if (!numbers.every(Number.isFinite))
    throw invalidRequest(`Cannot send output ${JSON.stringify(name)} as JSON: it contains NaN or infinity; request it as binary data`);
  return dtype === "bool" ? numbers.map((number) => number !== 0) : numbers;
}

/** The memory of a tensor as bytes. */
export function bytesOf({ data }: Tensor): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/** @throws RequestError for anything but an object */
export function recordOf(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw invalidRequest(`Cannot read the request: expected ${what} as a JSON object`);
  return { ...value };
}
