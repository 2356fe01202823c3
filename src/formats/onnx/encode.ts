/**
 * Writes ONNX models. A file is a list of chunks:
 *
 *     skeleton                  everything but the initializers
 *     header | weight's bytes   graph { initializer { … raw_data } }, one piece per weight
 *     header | weight's bytes
 *
 * Protobuf merges the pieces of `graph` into one message, so this is an ordinary model to every reader, and the weights are never
 * copied: their chunks view the caller's memory. Equal models give equal bytes.
 */

import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { InceptionError } from "../../errors.js";
import { formatCount } from "../../text.js";
import { quoted } from "../quoted.js";
import { writeGraph } from "./encode-graph.js";
import { checkedInt, tensorHeader, writeEntry } from "./encode-tensor.js";
import { GRAPH, MODEL, OPSET } from "./fields.js";
import type { OnnxModel, OnnxOpset, OnnxTensor } from "./types.js";
import { MAX_MODEL_BYTES } from "./wire.js";

/** A file in pieces, to be written one after the other. */
export interface EncodedModel {
  readonly chunks: readonly Uint8Array[];
  /** Sum of the chunks' lengths. */
  readonly byteLength: number;
}

/**
 * Values up to this many bytes, one page of memory, are copied into the chunk before them, so that biases and scalars do not make
 * thousands of tiny chunks.
 */
const INLINE_BYTES = 4096;

/**
 * Encode a model. Chunks of large initializers view their `data`, which must not change until the chunks are written.
 *
 * @throws InceptionError FILE_LIMIT above 2 GB (protobuf's limit); GRAPH_INVALID for what ONNX cannot say: numbers outside their
 *   type, tensors whose data does not fit their shape, models that were read in part
 */
export function encodeModel(model: OnnxModel): EncodedModel {
  if (model.unread !== undefined) {
    const { functions, trainingInfo, sparseInitializers } = model.unread;
    throw new InceptionError(
      "GRAPH_INVALID",
      `Cannot encode ONNX model ${quoted(model.graph.name)}: it was read without ${functions} functions, ${trainingInfo} training infos and ${sparseInitializers} sparse initializers`,
      { ...model.unread },
    );
  }
  const chunks = new ChunkWriter();
  writeSkeleton(chunks.writer, model);
  for (const tensor of model.graph.initializers) appendInitializer(chunks, tensor);
  return chunks.finish(model.graph.name);
}

/**
 * Metadata entries as a chunk that can be appended to any encoded model, which then has them in addition. ONNX wants keys to be
 * distinct; where one occurs twice, our decoder keeps the later value.
 */
export function appendMetadata(entries: Iterable<readonly [key: string, value: string]>): Uint8Array {
  const writer = new BinaryWriter();
  writeMetadata(writer, entries);
  return writer.finish();
}

/** Collects small writes in one buffer and large values as chunks of their own, in order. */
class ChunkWriter {
  readonly writer = new BinaryWriter();
  readonly #chunks: Uint8Array[] = [];
  #byteLength = 0;

  view(bytes: Uint8Array): void {
    this.#flush();
    this.#add(bytes);
  }

  finish(name: string): EncodedModel {
    this.#flush();
    if (this.#byteLength > MAX_MODEL_BYTES) {
      throw new InceptionError(
        "FILE_LIMIT",
        `Cannot encode ONNX model ${quoted(name)}: ${formatCount(this.#byteLength)} bytes, the limit of protobuf is ${formatCount(MAX_MODEL_BYTES)}`,
        { byteLength: this.#byteLength, limit: MAX_MODEL_BYTES },
      );
    }
    return { chunks: this.#chunks, byteLength: this.#byteLength };
  }

  #flush(): void {
    const bytes = this.writer.finish();
    if (bytes.byteLength > 0) this.#add(bytes);
  }

  #add(bytes: Uint8Array): void {
    this.#chunks.push(bytes);
    this.#byteLength += bytes.byteLength;
  }
}

/** All of the model but the initializers of its graph, in the order of the field numbers. */
function writeSkeleton(writer: BinaryWriter, model: OnnxModel): void {
  writer.tag(MODEL.irVersion, WireType.Varint).int64(checkedInt(model.irVersion, "model", "irVersion"));
  if (model.producerName !== "") writer.tag(MODEL.producerName, WireType.LengthDelimited).string(model.producerName);
  if (model.producerVersion !== "") writer.tag(MODEL.producerVersion, WireType.LengthDelimited).string(model.producerVersion);
  if (model.docString !== undefined) writer.tag(MODEL.docString, WireType.LengthDelimited).string(model.docString);
  writer.tag(MODEL.graph, WireType.LengthDelimited).fork();
  writeGraph(writer, { ...model.graph, initializers: [] });
  writer.join();
  for (const opset of model.opsets) writeOpset(writer, opset);
  writeMetadata(writer, model.metadata);
}

function writeOpset(writer: BinaryWriter, opset: OnnxOpset): void {
  writer.tag(MODEL.opsetImport, WireType.LengthDelimited).fork();
  if (opset.domain !== "") writer.tag(OPSET.domain, WireType.LengthDelimited).string(opset.domain);
  writer.tag(OPSET.version, WireType.Varint).int64(checkedInt(opset.version, "model", `the version of opset ${quoted(opset.domain)}`));
  writer.join();
}

function writeMetadata(writer: BinaryWriter, entries: Iterable<readonly [key: string, value: string]>): void {
  for (const [key, value] of entries) writeEntry(writer, MODEL.metadataProps, key, value);
}

/** One piece of the graph that holds one initializer. Its length is known before its bytes are touched, so they stay where they are. */
function appendInitializer(chunks: ChunkWriter, tensor: OnnxTensor): void {
  const header = tensorHeader(tensor);
  const piece = new BinaryWriter();
  piece.tag(GRAPH.initializer, WireType.LengthDelimited).uint32(header.byteLength + tensor.data.byteLength);
  const head = piece.raw(header).finish();
  chunks.writer.tag(MODEL.graph, WireType.LengthDelimited).uint32(head.byteLength + tensor.data.byteLength);
  chunks.writer.raw(head);
  if (tensor.data.byteLength <= INLINE_BYTES) chunks.writer.raw(tensor.data);
  else chunks.view(tensor.data);
}
