/** Writes a TensorProto, and the small messages and checks that every part of the encoder shares. */

import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { InceptionError } from "../../errors.js";
import { formatCount } from "../../text.js";
import { quoted } from "../quoted.js";
import { bytesOfElements, countElements, dataType } from "./data-type.js";
import { ENTRY, EXTERNAL_LOCATION, TENSOR } from "./fields.js";
import type { OnnxInt, OnnxTensor } from "./types.js";
import { MAX_MODEL_BYTES } from "./wire.js";

/**
 * Encode one tensor as a file of its own, the form of ONNX's node test data. Copies the values.
 *
 * @throws InceptionError GRAPH_INVALID when the data does not fit the shape, FILE_LIMIT above 2 GB
 */
export function encodeTensor(tensor: OnnxTensor): Uint8Array {
  return new BinaryWriter().raw(tensorHeader(tensor)).raw(tensor.data).finish();
}

/** Write a tensor as a field of the message being written. Copies the values. */
export function writeTensor(writer: BinaryWriter, field: number, tensor: OnnxTensor): void {
  const header = tensorHeader(tensor);
  writer.tag(field, WireType.LengthDelimited).uint32(header.byteLength + tensor.data.byteLength);
  writer.raw(header).raw(tensor.data);
}

/** A TensorProto up to and including the length of its `raw_data`: followed by `data`, it is whole. Values go nowhere else. */
export function tensorHeader(tensor: OnnxTensor): Uint8Array {
  const place = `tensor ${quoted(tensor.name)}`;
  checkTensor(tensor, place);
  const writer = new BinaryWriter();
  for (const dim of tensor.shape) writer.tag(TENSOR.dims, WireType.Varint).int64(dim);
  writer.tag(TENSOR.dataType, WireType.Varint).int32(dataType(tensor.dtype).code);
  for (const text of tensor.strings ?? []) writer.tag(TENSOR.stringData, WireType.LengthDelimited).string(text);
  if (tensor.name !== "") writer.tag(TENSOR.name, WireType.LengthDelimited).string(tensor.name);
  for (const [key, value] of tensor.external ?? []) writeEntry(writer, TENSOR.externalData, key, value);
  if (tensor.external !== undefined) writer.tag(TENSOR.dataLocation, WireType.Varint).int32(EXTERNAL_LOCATION);
  if (tensor.data.byteLength > 0) writer.tag(TENSOR.rawData, WireType.LengthDelimited).uint32(tensor.data.byteLength);
  return writer.finish();
}

function checkTensor(tensor: OnnxTensor, place: string): void {
  const { dtype, shape, data, strings, external } = tensor;
  const shapeText = `shape [${shape.join(", ")}] of ${dtype}`;
  for (const dim of shape) {
    if (!Number.isSafeInteger(dim) || dim < 0)
      throw encodeError(place, `${shapeText} has dimension ${dim}, expected integers of at least 0`);
  }
  const count = countElements(shape);
  if (count === null) throw encodeError(place, `${shapeText} has more than ${Number.MAX_SAFE_INTEGER} elements`);
  const expected = external === undefined ? bytesOfElements(dtype, count) : 0;
  if (data.byteLength !== expected) throw encodeError(place, `data has ${data.byteLength} bytes, ${shapeText} takes ${expected}`);
  const expectedStrings = external === undefined && dtype === "string" ? count : 0;
  if ((strings?.length ?? 0) !== expectedStrings) {
    throw encodeError(place, `it has ${strings?.length ?? 0} strings, ${shapeText} takes ${expectedStrings}`);
  }
  if (data.byteLength <= MAX_MODEL_BYTES) return;
  throw new InceptionError(
    "FILE_LIMIT",
    `Cannot encode ${place}: ${formatCount(data.byteLength)} bytes, the limit of protobuf is ${formatCount(MAX_MODEL_BYTES)}`,
    {
      byteLength: data.byteLength,
      limit: MAX_MODEL_BYTES,
    },
  );
}

/** Write a StringStringEntryProto as a field of the message being written. */
export function writeEntry(writer: BinaryWriter, field: number, key: string, value: string): void {
  writer.tag(field, WireType.LengthDelimited).fork();
  writer.tag(ENTRY.key, WireType.LengthDelimited).string(key);
  writer.tag(ENTRY.value, WireType.LengthDelimited).string(value);
  writer.join();
}

const MIN_INT64 = -(2n ** 63n);
const MAX_INT64 = 2n ** 63n - 1n;

/** An integer that int64 holds exactly; `what` names it in the message. */
export function checkedInt(value: OnnxInt, place: string, what: string): bigint {
  const exact = typeof value === "bigint" || Number.isSafeInteger(value) ? BigInt(value) : null;
  if (exact !== null && exact >= MIN_INT64 && exact <= MAX_INT64) return exact;
  throw encodeError(place, `${what} is ${value}, expected an integer that 64 bits hold exactly`);
}

/** A number that float32 holds or rounds; NaN and infinities are values of it. `what` names it in the message. */
export function checkedFloat(value: number, place: string, what: string): number {
  if (Number.isFinite(Math.fround(value)) || !Number.isFinite(value)) return value;
  throw encodeError(place, `${what} is ${value}, expected a number in the range of float32`);
}

/** The one form of every message about what ONNX cannot say. */
export function encodeError(place: string, fact: string): InceptionError {
  return new InceptionError("GRAPH_INVALID", `Cannot encode ${place}: ${fact}`, { place });
}
