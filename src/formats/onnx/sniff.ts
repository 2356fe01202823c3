import type { ByteSource } from "../byte-source.js";
import { GRAPH, MODEL } from "./fields.js";
import { MAX_MODEL_BYTES, WIRE } from "./wire.js";

/** A tag and a length take at most 5 + 10 bytes. */
const PEEK_BYTES = 16;

/** Fields before the graph: a producer's name and version, documentation, operator sets, metadata. Files have under ten. */
const MAX_FIELDS_BEFORE_GRAPH = 64;

/** IR versions are below 20 and grow by about one a year; a number beyond one byte belongs to another format. */
const MAX_IR_VERSION = 255;

/** The wire type of every field that a model may have before its graph, or instead of it. */
const MODEL_WIRE_TYPES: ReadonlyMap<number, number> = new Map([
  [MODEL.irVersion, WIRE.varint],
  [MODEL.producerName, WIRE.bytes],
  [MODEL.producerVersion, WIRE.bytes],
  [MODEL.domain, WIRE.bytes],
  [MODEL.modelVersion, WIRE.varint],
  [MODEL.docString, WIRE.bytes],
  [MODEL.graph, WIRE.bytes],
  [MODEL.opsetImport, WIRE.bytes],
  [MODEL.metadataProps, WIRE.bytes],
  [MODEL.trainingInfo, WIRE.bytes],
  [MODEL.functions, WIRE.bytes],
  [MODEL.configuration, WIRE.bytes],
]);

const GRAPH_FIELDS: ReadonlySet<number> = new Set(Object.values(GRAPH));

/**
 * Whether a file is an ONNX model, by its first fields: an `ir_version`, then known fields up to a `graph` that begins like one.
 * Protobuf has no magic number, so this is a likelihood; `decodeModel` decides. Reads a few hundred bytes of a file of any size.
 */
export async function looksLikeOnnx(source: ByteSource): Promise<boolean> {
  let offset = 0;
  let hasVersion = false;
  for (let count = 0; count < MAX_FIELDS_BEFORE_GRAPH; count++) {
    const head = await peekField(source, offset);
    if (head === null || MODEL_WIRE_TYPES.get(head.field) !== head.wireType) return false;
    if (head.field === MODEL.irVersion && (head.value < 1 || head.value > MAX_IR_VERSION)) return false;
    hasVersion ||= head.field === MODEL.irVersion;
    if (head.field === MODEL.graph) return hasVersion && (await beginsLikeGraph(source, head));
    offset = head.wireType === WIRE.bytes ? head.next + head.value : head.next;
    if (offset > source.size) return false;
  }
  return false;
}

/** A graph that is longer than the file counts: the file is an ONNX model that was cut off, and reading it says so. */
async function beginsLikeGraph(source: ByteSource, graph: FieldHead): Promise<boolean> {
  if (graph.value === 0) return true;
  const first = await peekField(source, graph.next);
  return graph.value <= MAX_MODEL_BYTES && first !== null && first.wireType === WIRE.bytes && GRAPH_FIELDS.has(first.field);
}

interface FieldHead {
  readonly field: number;
  readonly wireType: number;
  /** The number, or the length of the value. */
  readonly value: number;
  /** The offset behind the number or the length. */
  readonly next: number;
}

/** The field at an offset; null where there is none. */
async function peekField(source: ByteSource, offset: number): Promise<FieldHead | null> {
  const bytes = await source.read(offset, Math.min(PEEK_BYTES, source.size - offset));
  const tag = peekVarint(bytes, 0);
  const value = tag === null ? null : peekVarint(bytes, tag.next);
  if (tag === null || value === null) return null;
  return { field: Math.floor(tag.value / 8), wireType: tag.value % 8, value: value.value, next: offset + value.next };
}

function peekVarint(bytes: Uint8Array, start: number): { readonly value: number; readonly next: number } | null {
  let value = 0;
  for (let i = start; i < bytes.length; i++) {
    const byte = bytes[i] as number;
    value += (byte & 0x7f) * 2 ** (7 * (i - start));
    if (byte < 0x80) return { value, next: i + 1 };
  }
  return null;
}
