/** Reads a GraphProto with its nodes and attributes, and the graphs inside attributes down to a stated depth. */

import { type AttributeContext, readAttribute } from "./decode-attribute.js";
import { type ExternalData, readTensor } from "./decode-tensor.js";
import { readValueInfo } from "./decode-value-info.js";
import { GRAPH, NODE } from "./fields.js";
import type { OnnxAttribute, OnnxGraph, OnnxNode, OnnxTensor, OnnxUnread, OnnxValueInfo } from "./types.js";
import { MessageReader, type Span, type WireFile, wireError } from "./wire.js";

/**
 * Graphs within graphs (If, Loop, Scan), the main graph counted. Exporters nest two or three; the call stack would hold thousands, but
 * whoever walks the result should not need to.
 */
export const MAX_GRAPH_DEPTH = 16;

/**
 * Nodes of one file, subgraphs included: what the cap on fields leaves at 20 a node, and seven times a whole training step of
 * Inception-ResNet-v1 (7,454).
 */
export const MAX_NODES = 50_000;

/** What a decode call carries from message to message. */
export interface DecodeContext {
  readonly file: WireFile;
  readonly externalData: ExternalData;
  readonly otherParts: "refuse" | "report";
  readonly unread: { -readonly [K in keyof OnnxUnread]: number };
}

const UNREAD_FACTS: Readonly<Record<keyof OnnxUnread, string>> = {
  functions: "functions are not supported",
  trainingInfo: "training information is not supported",
  sparseInitializers: "sparse initializers are not supported",
};

/** Count a part that is not read, or refuse the file for it. */
export function noteUnread(context: DecodeContext, part: keyof OnnxUnread, place: string): void {
  context.unread[part] += 1;
  if (context.otherParts === "report") return;
  throw wireError("FILE_UNSUPPORTED", context.file, place, `${UNREAD_FACTS[part]}, expected a graph of plain nodes`);
}

interface GraphDraft {
  name: string;
  readonly nodes: OnnxNode[];
  readonly initializers: OnnxTensor[];
  readonly inputs: OnnxValueInfo[];
  readonly outputs: OnnxValueInfo[];
  readonly valueInfo: OnnxValueInfo[];
}

/** Read a GraphProto from the spans of its occurrences, which protobuf merges into one message. `depth` is 1 for the main graph. */
export function readGraph(context: DecodeContext, spans: readonly Span[], place: string, depth: number): OnnxGraph {
  if (depth > MAX_GRAPH_DEPTH) throw wireError("FILE_LIMIT", context.file, "model", `its graphs are nested deeper than ${MAX_GRAPH_DEPTH}`);
  const draft: GraphDraft = { name: "", nodes: [], initializers: [], inputs: [], outputs: [], valueInfo: [] };
  for (const span of spans) readGraphFields(context, draft, new MessageReader(context.file, span, place), depth);
  return draft;
}

function readGraphFields(context: DecodeContext, draft: GraphDraft, reader: MessageReader, depth: number): void {
  const { file } = context;
  const { place } = reader;
  while (reader.next()) {
    if (reader.field === GRAPH.node) draft.nodes.push(readNode(context, reader.span(), `${place}.node[${draft.nodes.length}]`, depth));
    else if (reader.field === GRAPH.initializer) {
      draft.initializers.push(
        readTensor(file, [reader.span()], `${place}.initializer[${draft.initializers.length}]`, context.externalData),
      );
    } else if (reader.field === GRAPH.input) {
      draft.inputs.push(readValueInfo(file, reader.span(), `${place}.input[${draft.inputs.length}]`));
    } else if (reader.field === GRAPH.output) {
      draft.outputs.push(readValueInfo(file, reader.span(), `${place}.output[${draft.outputs.length}]`));
    } else if (reader.field === GRAPH.valueInfo) {
      draft.valueInfo.push(readValueInfo(file, reader.span(), `${place}.value_info[${draft.valueInfo.length}]`));
    } else if (reader.field === GRAPH.name) draft.name = reader.string();
    else {
      if (reader.field === GRAPH.sparseInitializer) noteUnread(context, "sparseInitializers", place);
      reader.skip();
    }
  }
}

function readNode(context: DecodeContext, span: Span, place: string, depth: number): OnnxNode {
  const { file } = context;
  file.spent.nodes += 1;
  if (file.spent.nodes > MAX_NODES) throw wireError("FILE_LIMIT", file, place, `the file has more than ${MAX_NODES} nodes`);
  const reader = new MessageReader(file, span, place);
  const below: AttributeContext = {
    file,
    externalData: context.externalData,
    readGraph: (spans, inner) => readGraph(context, spans, inner, depth + 1),
  };
  const inputs: string[] = [];
  const outputs: string[] = [];
  const attributes: OnnxAttribute[] = [];
  let [name, opType, domain] = ["", "", ""];
  while (reader.next()) {
    if (reader.field === NODE.input) inputs.push(reader.string());
    else if (reader.field === NODE.output) outputs.push(reader.string());
    else if (reader.field === NODE.name) name = reader.string();
    else if (reader.field === NODE.opType) opType = reader.string();
    else if (reader.field === NODE.domain) domain = reader.string();
    else if (reader.field === NODE.attribute) {
      attributes.push(readAttribute(below, reader.span(), `${place}.attribute[${attributes.length}]`));
    } else reader.skip();
  }
  if (opType === "") throw reader.error("FILE_CORRUPT", "it has no op_type (field 4)");
  return { opType, domain, name, inputs, outputs, attributes };
}
