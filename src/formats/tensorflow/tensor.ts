/**
 * TensorFlow's tensors in protobuf: element types, shapes and the many places where values may be.
 * Sources: tensorflow/core/framework/{types,tensor_shape,tensor}.proto, and tensor_util for values that are left out.
 */
import { bytesPerElement, type DType, type TensorData, viewBytes } from "../../tensor/dtype.js";
import { checkedElementCount, MAX_RANK } from "../element-layout.js";
import { copyVarints, MessageReader, type NumberSpan, type Span, type WireFile } from "../onnx/wire.js";

const SHAPE = { dim: 2, unknownRank: 3 } as const;
const DIM = { size: 1 } as const;
const TENSOR = { dtype: 1, shape: 2, content: 4 } as const;

interface TensorType {
  readonly dtype: DType;
  /** The field of a TensorProto that holds single values, and the bytes of one, null for varints. */
  readonly field: number;
  readonly fixedBytes: 4 | 8 | null;
}

/** By the numbers of DataType. Others (strings, complex and quantized numbers, resources) hold no weights. */
const TYPES: ReadonlyMap<number, TensorType> = new Map<number, TensorType>([
  [1, { dtype: "float32", field: 5, fixedBytes: 4 }],
  [2, { dtype: "float64", field: 6, fixedBytes: 8 }],
  [3, { dtype: "int32", field: 7, fixedBytes: null }],
  [4, { dtype: "uint8", field: 7, fixedBytes: null }],
  [5, { dtype: "int16", field: 7, fixedBytes: null }],
  [6, { dtype: "int8", field: 7, fixedBytes: null }],
  [9, { dtype: "int64", field: 10, fixedBytes: null }],
  [10, { dtype: "bool", field: 11, fixedBytes: null }],
  [14, { dtype: "bfloat16", field: 13, fixedBytes: null }],
  [17, { dtype: "uint16", field: 7, fixedBytes: null }],
  [19, { dtype: "float16", field: 13, fixedBytes: null }],
  [22, { dtype: "uint32", field: 16, fixedBytes: null }],
  [23, { dtype: "uint64", field: 17, fixedBytes: null }],
]);

/** Our element type of a DataType; null for types that hold no weights. */
export function dtypeOfTensorflow(code: number): DType | null {
  return TYPES.get(code)?.dtype ?? null;
}

/** The dimensions of a TensorShapeProto. */
export function readShape(file: WireFile, span: Span, place: string): readonly number[] {
  const reader = new MessageReader(file, span, place);
  const shape: number[] = [];
  let unknown = false;
  while (reader.next()) {
    if (reader.field === SHAPE.dim) shape.push(readDim(file, reader.span(), `${place}.dim[${shape.length}]`));
    else if (reader.field === SHAPE.unknownRank) unknown = reader.int32() !== 0;
    else reader.skip();
  }
  if (unknown || shape.length > MAX_RANK || checkedElementCount(shape) === null) {
    throw reader.error(
      "FILE_CORRUPT",
      `[${shape.slice(0, 8).join(", ")}] is not a known shape with fewer than 2^53 elements and at most ${MAX_RANK} dimensions`,
    );
  }
  return shape;
}

function readDim(file: WireFile, span: Span, place: string): number {
  const reader = new MessageReader(file, span, place);
  // Protobuf leaves out a field that is 0.
  let size = 0;
  while (reader.next()) {
    if (reader.field === DIM.size) size = reader.safeInt("size");
    else reader.skip();
  }
  return size;
}

/** A TensorProto before its values are copied. */
export interface StoredProto {
  /** Null for types that hold no weights. */
  readonly dtype: DType | null;
  readonly shape: readonly number[];
  /** Bytes that the values take in memory. */
  readonly bytes: number;
  /** Copies or views the values. */
  readonly read: () => TensorData;
}

/**
 * Read a TensorProto.
 *
 * @param known - element type and shape where the message leaves them to its surroundings, as V1 checkpoints do; then
 *   every value must be there. Otherwise the last value stands for all that follow it.
 * @throws InceptionError FILE_CORRUPT where the values do not fit the shape
 */
export function readTensorProto(
  file: WireFile,
  span: Span,
  place: string,
  known?: { readonly dtype: DType; readonly shape: readonly number[] },
): StoredProto {
  const draft = readFields(file, span, place, known?.dtype);
  const { dtype, reader } = draft;
  const shape = known?.shape ?? draft.shape;
  const type = dtype === null ? undefined : typeOf(dtype);
  if (dtype === null || type === undefined) return { dtype: null, shape, bytes: 0, read: () => new Uint8Array(0) };
  const count = shape.reduce((product, dim) => product * dim, 1);
  const bytes = count * bytesPerElement(dtype);
  const { content } = draft;
  if (content !== null && content.end > content.start) {
    if (content.end - content.start !== bytes) {
      throw reader.error(
        "FILE_CORRUPT",
        `${dtype} [${shape.join(", ")}] needs ${bytes} bytes, tensor_content has ${content.end - content.start}`,
      );
    }
    return { dtype, shape, bytes, read: () => viewBytes(dtype, file.bytes.subarray(content.start, content.end)) };
  }
  const values = draft.values.get(type.field) ?? [];
  const held = values.reduce((sum, part) => sum + part.count, 0);
  const fits = held === count || (known === undefined && held > 0 && held < count);
  if (!fits) throw reader.error("FILE_CORRUPT", `${dtype} [${shape.join(", ")}] needs ${count} values, it has ${held}`);
  return { dtype, shape, bytes, read: () => copyValues(file, dtype, type.fixedBytes, values, held, count) };
}

function typeOf(dtype: DType): TensorType | undefined {
  for (const type of TYPES.values()) if (type.dtype === dtype) return type;
  return undefined;
}

interface Draft {
  readonly reader: MessageReader;
  dtype: DType | null;
  shape: readonly number[];
  content: Span | null;
  /** By field number. */
  readonly values: Map<number, NumberSpan[]>;
}

function readFields(file: WireFile, span: Span, place: string, dtype: DType | null = null): Draft {
  const widths = new Map([...TYPES.values()].map(({ field, fixedBytes }) => [field, fixedBytes]));
  const reader = new MessageReader(file, span, place);
  const draft: Draft = { reader, dtype, shape: [], content: null, values: new Map() };
  while (reader.next()) {
    const width = widths.get(reader.field);
    if (reader.field === TENSOR.dtype) draft.dtype = dtypeOfTensorflow(reader.int32()) ?? dtype;
    else if (reader.field === TENSOR.shape) draft.shape = readShape(file, reader.span(), `${place}.tensor_shape`);
    else if (reader.field === TENSOR.content) draft.content = reader.span();
    else if (width !== undefined) {
      const parts = draft.values.get(reader.field) ?? [];
      parts.push(reader.numbers(width));
      draft.values.set(reader.field, parts);
    } else reader.skip();
  }
  return draft;
}

function copyValues(
  file: WireFile,
  dtype: DType,
  fixedBytes: 4 | 8 | null,
  parts: readonly NumberSpan[],
  held: number,
  count: number,
): TensorData {
  const width = bytesPerElement(dtype);
  const out = new Uint8Array(count * width);
  let at = 0;
  for (const part of parts) {
    if (fixedBytes === null) copyVarints(file, part, width, out, at);
    else out.set(file.bytes.subarray(part.start, part.end), at);
    at += part.count * width;
  }
  // What is left out repeats the last value.
  for (let i = held; i < count; i++) out.copyWithin(i * width, (held - 1) * width, held * width);
  return viewBytes(dtype, out);
}
