/**
 * The constants of a frozen TensorFlow graph (`.pb`). Only nodes whose op is Const are read; no other node is looked at
 * beyond its name and op, and nothing is run.
 * Sources: tensorflow/core/framework/{graph,node_def,attr_value}.proto.
 */

import type { DType, TensorData } from "../../tensor/dtype.js";
import { formatCount } from "../../text.js";
import type { ByteSource } from "../byte-source.js";
import { MessageReader, openWire, type Span, type WireFile } from "../onnx/wire.js";
import { quoted } from "../quoted.js";
import { readTensorProto, type StoredProto } from "./tensor.js";

const GRAPH = { node: 1 } as const;
const NODE = { name: 1, op: 2, attribute: 5 } as const;
const ENTRY = { key: 1, value: 2 } as const;
const ATTRIBUTE = { tensor: 8 } as const;

/** A tag, two lengths and a name fit; enough to tell a node from another message. */
const PEEK_BYTES = 512;
/** Bytes of all constants over bytes of the file: a constant of equal values is stored as one, but must not fill the memory. */
const MAX_EXPANSION = 8;
/** Nodes of our largest network, frozen with its preparation, are some 6,000. */
const MAX_NODES = 1_000_000;

/** A constant of the graph, under the name of its node. */
interface GraphConstant {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** Whether it was a variable before the graph was frozen: a node `NAME/read` is left of it. */
  readonly variable: boolean;
  readonly read: () => TensorData;
}

/** Whether the file begins with a node that has a name and an op. Reads 512 bytes; protobuf has no magic number. */
export async function looksLikeGraphDef(source: ByteSource): Promise<boolean> {
  const bytes = await source.read(0, Math.min(source.size, PEEK_BYTES));
  const node = peekText(bytes, 0, 0x0a);
  const name = node && peekText(bytes, node.start, 0x0a);
  const op = name && peekText(bytes, name.end, 0x12);
  if (!node || !name || !op || op.end > node.end) return false;
  const isText = ({ start, end }: Span) => end > start && bytes.subarray(start, end).every((byte) => byte > 0x20 && byte < 0x7f);
  return isText(name) && isText(op);
}

/** The field with this tag at `at`, or null where another begins there. */
function peekText(bytes: Uint8Array, at: number, tag: number): Span | null {
  if (bytes[at] !== tag) return null;
  let length = 0;
  for (let i = 0; i < 5; i++) {
    const byte = bytes[at + 1 + i] ?? 0;
    length += (byte & 0x7f) * 2 ** (7 * i);
    if (byte < 0x80) return { start: at + 2 + i, end: at + 2 + i + length };
  }
  return null;
}

/**
 * Read the constants of a graph; their values view `bytes` or are copied when asked for.
 *
 * @param bytes - the whole file, at most 2 GB (protobuf's limit)
 * @throws InceptionError FILE_CORRUPT, FILE_TRUNCATED, FILE_LIMIT (constants that take more than 8 times the file)
 */
export function readGraphConstants(name: string, bytes: Uint8Array): readonly GraphConstant[] {
  const file = openWire(name, bytes);
  const reader = new MessageReader(file, { start: 0, end: bytes.byteLength }, "graph");
  const found: NodeConstant[] = [];
  const others = new Set<string>();
  let nodes = 0;
  let total = 0;
  while (reader.next()) {
    if (reader.field !== GRAPH.node) {
      reader.skip();
      continue;
    }
    if (++nodes > MAX_NODES) throw reader.error("FILE_LIMIT", `it has more than ${MAX_NODES} nodes`);
    const node = readNode(file, reader.span(), `node[${nodes - 1}]`);
    if (typeof node === "string") {
      others.add(node);
      continue;
    }
    total += node.stored.bytes;
    if (total > MAX_EXPANSION * bytes.byteLength) {
      throw reader.error(
        "FILE_LIMIT",
        `its constants take ${formatCount(total)} bytes, the limit is ${MAX_EXPANSION} times the file size of ${formatCount(bytes.byteLength)}`,
      );
    }
    found.push(node);
  }
  return found.map(({ name: own, dtype, stored }) => ({
    name: own,
    dtype,
    shape: stored.shape,
    variable: others.has(`${own}/read`),
    read: stored.read,
  }));
}

interface NodeConstant {
  readonly name: string;
  readonly dtype: DType;
  readonly stored: StoredProto;
}

/** The constant that a node is, or the name of a node that is none, or that holds no numbers. */
function readNode(file: WireFile, span: Span, place: string): NodeConstant | string {
  const reader = new MessageReader(file, span, place);
  let name = "";
  let op = "";
  const attributes: Span[] = [];
  while (reader.next()) {
    if (reader.field === NODE.name) name = reader.string();
    else if (reader.field === NODE.op) op = reader.string();
    else if (reader.field === NODE.attribute) attributes.push(reader.span());
    else reader.skip();
  }
  if (op !== "Const") return name;
  const tensor = attributes.map((attribute) => tensorOf(file, attribute, `node ${quoted(name)}`)).find((found) => found !== null);
  if (tensor === undefined) throw reader.error("FILE_CORRUPT", `constant ${quoted(name)} has no value`);
  return tensor.dtype === null ? name : { name, dtype: tensor.dtype, stored: tensor };
}

/** The value of an attribute, if it is the tensor named "value". */
function tensorOf(file: WireFile, span: Span, place: string): StoredProto | null {
  const reader = new MessageReader(file, span, place);
  let key = "";
  let value: Span | null = null;
  while (reader.next()) {
    if (reader.field === ENTRY.key) key = reader.string();
    else if (reader.field === ENTRY.value) value = reader.span();
    else reader.skip();
  }
  if (key !== "value" || value === null) return null;
  const attribute = new MessageReader(file, value, place);
  let tensor: StoredProto | null = null;
  while (attribute.next()) {
    if (attribute.field === ATTRIBUTE.tensor) tensor = readTensorProto(file, attribute.span(), place);
    else attribute.skip();
  }
  return tensor;
}
