/** Reads one TensorProto: type, shape and values, the values as a view of the file wherever the file has them in that form. */

import type { ErrorCode, InceptionError } from "../../errors.js";
import { quoted } from "../quoted.js";
import { bytesOfElements, countElements, dataType, dtypeOfCode, VALUE_FIELDS, type ValueField, valueFieldOf } from "./data-type.js";
import { ENTRY, EXTERNAL_LOCATION, TENSOR } from "./fields.js";
import type { OnnxDType, OnnxTensor } from "./types.js";
import { copyVarints, MessageReader, type NumberSpan, openWire, type Span, type WireFile, wireError } from "./wire.js";

/** Dimensions of one tensor: NumPy's own limit, so that no exporter can write more. ONNX's node tests go up to 7. */
export const MAX_RANK = 64;

/**
 * Tensors of one file, initializers and attribute values together: one for every node. Inception-ResNet-v2 has under 1,000; one takes
 * about 400 bytes of memory besides its values.
 */
export const MAX_TENSORS = 50_000;

/** What happens to a tensor whose values are in another file: refuse it, or report where they are and leave them out. */
export type ExternalData = "refuse" | "report";

interface DecodeTensorOptions {
  /** How messages name the file; default "tensor.pb". */
  readonly name?: string;
}

/**
 * Read a file that is one TensorProto, such as the inputs and outputs of ONNX's node tests.
 *
 * @param bytes - the whole file; the tensor's `data` may view it
 * @throws InceptionError FILE_TRUNCATED, FILE_CORRUPT, FILE_LIMIT, FILE_UNSUPPORTED (values in another file, segments, unknown types)
 */
export function decodeTensor(bytes: Uint8Array, options: DecodeTensorOptions = {}): OnnxTensor {
  const file = openWire(options.name ?? "tensor.pb", bytes);
  return readTensor(file, [{ start: 0, end: bytes.byteLength }], "tensor", "refuse");
}

/** The fields of the message as they stand in the file; nothing that its numbers claim has taken memory yet. */
interface TensorDraft {
  name: string;
  code: number;
  readonly dims: number[];
  raw: Uint8Array;
  readonly values: Map<ValueField, NumberSpan[]>;
  readonly strings: string[];
  readonly external: Map<string, string>;
  isExternal: boolean;
}

type Fail = (code: ErrorCode, fact: string) => InceptionError;

/** Read a TensorProto from the spans of its occurrences, which protobuf merges into one message. */
export function readTensor(file: WireFile, spans: readonly Span[], place: string, externalData: ExternalData): OnnxTensor {
  file.spent.tensors += 1;
  if (file.spent.tensors > MAX_TENSORS) throw wireError("FILE_LIMIT", file, place, `the file has more than ${MAX_TENSORS} tensors`);
  const draft: TensorDraft = {
    name: "",
    code: 0,
    dims: [],
    raw: new Uint8Array(0),
    values: new Map(),
    strings: [],
    external: new Map(),
    isExternal: false,
  };
  for (const span of spans) readTensorFields(draft, file, new MessageReader(file, span, place));
  const namedPlace = draft.name === "" ? place : `tensor ${quoted(draft.name)}`;
  return finishTensor(draft, file, externalData, (code, fact) => wireError(code, file, namedPlace, fact));
}

function readTensorFields(draft: TensorDraft, file: WireFile, reader: MessageReader): void {
  while (reader.next()) {
    const valueField = valueFieldOf(reader.field);
    if (valueField !== null) addNumbers(draft, valueField, reader.numbers(VALUE_FIELDS[valueField].fixedBytes));
    else if (reader.field === TENSOR.dims) readDims(draft.dims, reader);
    else if (reader.field === TENSOR.dataType) draft.code = reader.int32();
    else if (reader.field === TENSOR.name) draft.name = reader.string();
    else if (reader.field === TENSOR.rawData) draft.raw = reader.bytes();
    else if (reader.field === TENSOR.stringData) draft.strings.push(reader.string());
    else if (reader.field === TENSOR.dataLocation) draft.isExternal = reader.int32() === EXTERNAL_LOCATION;
    else if (reader.field === TENSOR.externalData) draft.external.set(...readEntry(file, reader.span(), `${reader.place}.external_data`));
    else if (reader.field === TENSOR.segment) throw reader.error("FILE_UNSUPPORTED", "it is stored in segments, expected whole");
    else reader.skip();
  }
}

function addNumbers(draft: TensorDraft, field: ValueField, span: NumberSpan): void {
  if (span.count === 0) return;
  const spans = draft.values.get(field);
  if (spans === undefined) draft.values.set(field, [span]);
  else spans.push(span);
}

function readDims(dims: number[], reader: MessageReader): void {
  const more: (number | bigint)[] = [];
  reader.ints(more);
  for (const dim of more) {
    if (dims.length === MAX_RANK) throw reader.error("FILE_LIMIT", `it has more than ${MAX_RANK} dimensions`);
    if (typeof dim === "bigint" || dim < 0) {
      throw reader.error("FILE_CORRUPT", `dimension ${dims.length} is ${dim}, expected 0 to ${Number.MAX_SAFE_INTEGER}`);
    }
    dims.push(dim);
  }
}

/** Read a StringStringEntryProto. */
export function readEntry(file: WireFile, span: Span, place: string): [key: string, value: string] {
  const reader = new MessageReader(file, span, place);
  let key = "";
  let value = "";
  while (reader.next()) {
    if (reader.field === ENTRY.key) key = reader.string();
    else if (reader.field === ENTRY.value) value = reader.string();
    else reader.skip();
  }
  return [key, value];
}

function finishTensor(draft: TensorDraft, file: WireFile, externalData: ExternalData, fail: Fail): OnnxTensor {
  const dtype = dtypeOfCode(draft.code);
  if (dtype === null) throw fail("FILE_UNSUPPORTED", `data type ${draft.code} is unknown, expected 1 to 26`);
  const { name, dims: shape } = draft;
  const count = countElements(shape);
  if (count === null) throw fail("FILE_CORRUPT", `shape [${shape.join(", ")}] has more than ${Number.MAX_SAFE_INTEGER} elements`);
  if (draft.isExternal) {
    if (externalData === "report") return { name, dtype, shape, data: new Uint8Array(0), external: draft.external };
    const location = quoted(draft.external.get("location") ?? "");
    throw fail("FILE_UNSUPPORTED", `its values are in another file, ${location}, which is not opened; expected them in this one`);
  }
  checkOneField(draft, dtype, fail);
  const { field } = dataType(dtype);
  if (field === "stringData") return { name, dtype, shape, data: new Uint8Array(0), strings: checkStrings(draft, count, fail) };
  const spans = draft.values.get(field);
  const data = spans === undefined ? draft.raw : unpackValues(file, spans, field, { dtype, shape, count }, fail);
  const expected = bytesOfElements(dtype, count);
  if (data.byteLength === expected) return { name, dtype, shape, data };
  throw fail("FILE_CORRUPT", `raw_data has ${data.byteLength} bytes, shape [${shape.join(", ")}] of ${dtype} takes ${expected}`);
}

/** Values must be in `raw_data` or in the field of the type, not in both and not in another: readers would disagree which is meant. */
function checkOneField(draft: TensorDraft, dtype: OnnxDType, fail: Fail): void {
  const present: string[] = [];
  if (draft.raw.byteLength > 0) present.push("raw_data");
  if (draft.strings.length > 0) present.push("string_data");
  for (const field of draft.values.keys()) present.push(VALUE_FIELDS[field].name);
  const { field } = dataType(dtype);
  const allowed = field === "stringData" ? ["string_data"] : ["raw_data", VALUE_FIELDS[field].name];
  if (present.length <= 1 && present.every((name) => allowed.includes(name))) return;
  throw fail("FILE_CORRUPT", `the values of ${dtype} are in ${present.join(" and ")}, expected ${allowed.join(" or ")}`);
}

function checkStrings(draft: TensorDraft, count: number, fail: Fail): readonly string[] {
  if (draft.strings.length === count) return draft.strings;
  throw fail("FILE_CORRUPT", `string_data has ${draft.strings.length} values, shape [${draft.dims.join(", ")}] takes ${count}`);
}

interface Expected {
  readonly dtype: OnnxDType;
  readonly shape: readonly number[];
  readonly count: number;
}

/** Numbers of a typed field → packed little-endian elements. They were counted in the file before memory is taken for them here. */
function unpackValues(file: WireFile, spans: readonly NumberSpan[], field: ValueField, expected: Expected, fail: Fail): Uint8Array {
  const { dtype, shape, count } = expected;
  const { bits, bitsPerValue } = dataType(dtype);
  const { name, fixedBytes } = VALUE_FIELDS[field];
  const found = spans.reduce((sum, span) => sum + span.count, 0);
  const takes = Math.ceil((count * bits) / bitsPerValue);
  if (found !== takes) throw fail("FILE_CORRUPT", `${name} has ${found} values, shape [${shape.join(", ")}] of ${dtype} takes ${takes}`);
  const out = new Uint8Array(bytesOfElements(dtype, count));
  let offset = 0;
  for (const span of spans) {
    if (fixedBytes === null) copyVarints(file, span, bitsPerValue / 8, out, offset);
    else out.set(file.bytes.subarray(span.start, span.end), offset);
    offset += span.count * (bitsPerValue / 8);
  }
  return out;
}
