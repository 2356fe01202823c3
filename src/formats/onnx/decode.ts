/**
 * Reads ONNX files of strangers: nothing is executed, no other file is opened, and every size is checked before it is believed.
 * Weights are not copied: a tensor's `data` views the file's bytes.
 */

import { type DecodeContext, noteUnread, readGraph } from "./decode-graph.js";
import { type ExternalData, readEntry } from "./decode-tensor.js";
import { MODEL, OPSET } from "./fields.js";
import type { OnnxModel, OnnxOpset } from "./types.js";
import { MessageReader, openWire, type Span, type WireFile, wireError } from "./wire.js";

interface DecodeOptions {
  /** How messages name the file; default "model.onnx". */
  readonly name?: string;
  /** Tensors whose values are in other files: "refuse" (default) or "report" their places without opening them. */
  readonly externalData?: ExternalData;
  /**
   * Functions, training information and sparse initializers, which a graph may depend on and which are not read:
   * "refuse" (default) or "report" how many there are in `unread`.
   */
  readonly otherParts?: "refuse" | "report";
}

/**
 * Read an ONNX model.
 *
 * @param bytes - the whole file, at most 2 GB (protobuf's limit); tensors view it, so it must not change while they are used
 * @throws InceptionError FILE_TRUNCATED where the file ends too early; FILE_CORRUPT where it contradicts the format or itself;
 *   FILE_LIMIT beyond the caps of this folder (fields, nodes, tensors, nesting, dimensions); FILE_UNSUPPORTED for parts of ONNX
 *   that are not read
 */
export function decodeModel(bytes: Uint8Array, options: DecodeOptions = {}): OnnxModel {
  const file = openWire(options.name ?? "model.onnx", bytes);
  const context: DecodeContext = {
    file,
    externalData: options.externalData ?? "refuse",
    otherParts: options.otherParts ?? "refuse",
    unread: { functions: 0, trainingInfo: 0, sparseInitializers: 0 },
  };
  const draft = readModelFields(context);
  if (draft.irVersion < 1) throw wireError("FILE_CORRUPT", file, "model", `ir_version (field 1) is ${draft.irVersion}, expected 1 or more`);
  if (draft.graphs.length === 0) throw wireError("FILE_CORRUPT", file, "model", "it has no graph (field 7)");
  const graph = readGraph(context, draft.graphs, "graph", 1);
  const anyUnread = Object.values(context.unread).some((count) => count > 0);
  return {
    irVersion: draft.irVersion,
    opsets: draft.opsets,
    producerName: draft.producerName,
    producerVersion: draft.producerVersion,
    ...(draft.docString === "" ? {} : { docString: draft.docString }),
    metadata: draft.metadata,
    graph,
    ...(anyUnread ? { unread: context.unread } : {}),
  };
}

interface ModelDraft {
  irVersion: number;
  readonly opsets: OnnxOpset[];
  producerName: string;
  producerVersion: string;
  docString: string;
  readonly metadata: Map<string, string>;
  /** The graph may be written in pieces, which protobuf merges: the encoder appends each weight as a piece. */
  readonly graphs: Span[];
}

function readModelFields(context: DecodeContext): ModelDraft {
  const draft: ModelDraft = {
    irVersion: 0,
    opsets: [],
    producerName: "",
    producerVersion: "",
    docString: "",
    metadata: new Map(),
    graphs: [],
  };
  const { file } = context;
  const reader = new MessageReader(file, { start: 0, end: file.bytes.byteLength }, "model");
  while (reader.next()) {
    if (reader.field === MODEL.irVersion) draft.irVersion = reader.safeInt("ir_version");
    else if (reader.field === MODEL.opsetImport) draft.opsets.push(readOpset(file, reader.span(), `opset_import[${draft.opsets.length}]`));
    else if (reader.field === MODEL.producerName) draft.producerName = reader.string();
    else if (reader.field === MODEL.producerVersion) draft.producerVersion = reader.string();
    else if (reader.field === MODEL.docString) draft.docString = reader.string();
    else if (reader.field === MODEL.graph) draft.graphs.push(reader.span());
    else if (reader.field === MODEL.metadataProps) draft.metadata.set(...readEntry(file, reader.span(), "metadata_props"));
    else {
      if (reader.field === MODEL.functions) noteUnread(context, "functions", "model");
      if (reader.field === MODEL.trainingInfo) noteUnread(context, "trainingInfo", "model");
      reader.skip();
    }
  }
  return draft;
}

function readOpset(file: WireFile, span: Span, place: string): OnnxOpset {
  const reader = new MessageReader(file, span, place);
  let domain = "";
  let version = 0;
  while (reader.next()) {
    if (reader.field === OPSET.domain) domain = reader.string();
    else if (reader.field === OPSET.version) version = reader.safeInt("version");
    else reader.skip();
  }
  return { domain, version };
}
