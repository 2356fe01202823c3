/** Reads a ValueInfoProto: the name and type of a graph input, output or intermediate value. */

import { dtypeOfCode } from "./data-type.js";
import { MAX_RANK } from "./decode-tensor.js";
import { DIMENSION, SHAPE, TENSOR_TYPE, TYPE, VALUE_INFO } from "./fields.js";
import type { OnnxDim, OnnxOtherType, OnnxValueInfo } from "./types.js";
import { MessageReader, type Span, type WireFile } from "./wire.js";

/** Read one ValueInfoProto. Types other than tensors are kept as bytes, so that nested types need no recursion. */
export function readValueInfo(file: WireFile, span: Span, place: string): OnnxValueInfo {
  const reader = new MessageReader(file, span, place);
  let name = "";
  const types: Span[] = [];
  while (reader.next()) {
    if (reader.field === VALUE_INFO.name) name = reader.string();
    else if (reader.field === VALUE_INFO.type) types.push(reader.span());
    else reader.skip();
  }
  const draft: TypeDraft = { elemType: 0, shape: null, other: null };
  for (const type of types) readType(file, draft, type, `${place}.type`);
  const { shape, other } = draft;
  if (other === null) return { name, dtype: dtypeOf(draft.elemType, reader), shape };
  return { name, dtype: null, shape: null, otherType: { kind: other, bytes: joinSpans(file, types) } };
}

interface TypeDraft {
  elemType: number;
  shape: OnnxDim[] | null;
  other: OnnxOtherType["kind"] | null;
}

function dtypeOf(code: number, reader: MessageReader): OnnxValueInfo["dtype"] {
  const dtype = dtypeOfCode(code);
  if (dtype === null && code !== 0) throw reader.error("FILE_UNSUPPORTED", `data type ${code} is unknown, expected 1 to 26`);
  return dtype;
}

function readType(file: WireFile, draft: TypeDraft, span: Span, place: string): void {
  const reader = new MessageReader(file, span, place);
  while (reader.next()) {
    if (reader.field === TYPE.tensorType) {
      readTensorType(file, draft, reader.span(), place);
      continue;
    }
    if (reader.field === TYPE.sequenceType) draft.other = "sequence";
    else if (reader.field === TYPE.mapType) draft.other = "map";
    else if (reader.field === TYPE.optionalType) draft.other = "optional";
    else if (reader.field === TYPE.sparseTensorType) draft.other = "sparse tensor";
    reader.skip();
  }
}

function readTensorType(file: WireFile, draft: TypeDraft, span: Span, place: string): void {
  const reader = new MessageReader(file, span, place);
  while (reader.next()) {
    if (reader.field === TENSOR_TYPE.elemType) draft.elemType = reader.int32();
    else if (reader.field === TENSOR_TYPE.shape) draft.shape = readShape(file, draft.shape ?? [], reader.span(), `${place}.shape`);
    else reader.skip();
  }
}

function readShape(file: WireFile, shape: OnnxDim[], span: Span, place: string): OnnxDim[] {
  const reader = new MessageReader(file, span, place);
  while (reader.next()) {
    if (reader.field !== SHAPE.dim) {
      reader.skip();
      continue;
    }
    if (shape.length === MAX_RANK) throw reader.error("FILE_LIMIT", `it has more than ${MAX_RANK} dimensions`);
    shape.push(readDimension(file, reader.span(), `${place}.dim[${shape.length}]`));
  }
  return shape;
}

function readDimension(file: WireFile, span: Span, place: string): OnnxDim {
  const reader = new MessageReader(file, span, place);
  let dim: OnnxDim = null;
  while (reader.next()) {
    if (reader.field === DIMENSION.dimValue) {
      const value = reader.safeInt("dim_value");
      // Some exporters write -1 for an unknown size, and ONNX Runtime reads it so.
      dim = value < 0 ? null : value;
    } else if (reader.field === DIMENSION.dimParam) dim = reader.string() || null;
    else reader.skip();
  }
  return dim;
}

function joinSpans(file: WireFile, spans: readonly Span[]): Uint8Array {
  const [first] = spans;
  if (first !== undefined && spans.length === 1) return file.bytes.subarray(first.start, first.end);
  const out = new Uint8Array(spans.reduce((total, { start, end }) => total + end - start, 0));
  let offset = 0;
  for (const { start, end } of spans) {
    out.set(file.bytes.subarray(start, end), offset);
    offset += end - start;
  }
  return out;
}
