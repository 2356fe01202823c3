/** Reads an AttributeProto. Which of its fields is the value is known only at its end, so the fields are kept until then. */

import type { InceptionError } from "../../errors.js";
import { quoted } from "../quoted.js";
import { type ExternalData, readTensor } from "./decode-tensor.js";
import { ATTRIBUTE } from "./fields.js";
import type { OnnxAttribute, OnnxAttributeType, OnnxGraph, OnnxInt, OnnxTensor } from "./types.js";
import { MessageReader, type Span, type WireFile, wireError } from "./wire.js";

export interface AttributeContext {
  readonly file: WireFile;
  readonly externalData: ExternalData;
  /** Reads a graph one level below the node. */
  readonly readGraph: (spans: readonly Span[], place: string) => OnnxGraph;
}

interface AttributeDraft {
  name: string;
  /** AttributeProto.AttributeType; 0 where the file states none, as files of IR version 1 do. */
  code: number;
  reference: string;
  /** The fields that occurred, under the name of the type that they are the value of. */
  readonly values: AttributeFields;
}

/** A singular message may occur in pieces: those fields are kept as spans and read at the end. */
interface AttributeFields {
  float?: number;
  int?: OnnxInt;
  string?: string;
  tensor?: Span[];
  graph?: Span[];
  floats?: number[];
  ints?: OnnxInt[];
  strings?: string[];
  tensors?: OnnxTensor[];
  graphs?: OnnxGraph[];
}

/** Types by AttributeProto.AttributeType; those of sparse tensors and types (11 to 14) are not read. */
const TYPES_BY_CODE: readonly (OnnxAttributeType | undefined)[] = [
  undefined,
  "float",
  "int",
  "string",
  "tensor",
  "graph",
  "floats",
  "ints",
  "strings",
  "tensors",
  "graphs",
];

/** Read one AttributeProto. */
export function readAttribute(context: AttributeContext, span: Span, place: string): OnnxAttribute {
  const reader = new MessageReader(context.file, span, place);
  const draft: AttributeDraft = { name: "", code: 0, reference: "", values: {} };
  while (reader.next()) {
    if (reader.field === ATTRIBUTE.name) draft.name = reader.string();
    else if (reader.field === ATTRIBUTE.type) draft.code = reader.int32();
    else if (reader.field === ATTRIBUTE.refAttrName) draft.reference = reader.string();
    else readValueField(context, draft.values, reader);
  }
  const fail: Fail = (code, fact) => wireError(code, context.file, `attribute ${quoted(draft.name)} (${place})`, fact);
  if (draft.reference !== "")
    throw fail("FILE_UNSUPPORTED", `it refers to attribute ${quoted(draft.reference)} of a function, expected a value`);
  return finishAttribute(context, draft, place, fail);
}

type Fail = (code: "FILE_CORRUPT" | "FILE_UNSUPPORTED", fact: string) => InceptionError;

function readValueField(context: AttributeContext, values: AttributeFields, reader: MessageReader): void {
  const { file, externalData } = context;
  const { place } = reader;
  switch (reader.field) {
    case ATTRIBUTE.f:
      values.float = reader.float();
      return;
    case ATTRIBUTE.i:
      values.int = reader.int();
      return;
    case ATTRIBUTE.s:
      values.string = reader.string();
      return;
    case ATTRIBUTE.t:
      values.tensor ??= [];
      values.tensor.push(reader.span());
      return;
    case ATTRIBUTE.g:
      values.graph ??= [];
      values.graph.push(reader.span());
      return;
    case ATTRIBUTE.floats:
      values.floats ??= [];
      reader.floats(values.floats);
      return;
    case ATTRIBUTE.ints:
      values.ints ??= [];
      reader.ints(values.ints);
      return;
    case ATTRIBUTE.strings:
      values.strings ??= [];
      values.strings.push(reader.string());
      return;
    case ATTRIBUTE.tensors:
      values.tensors ??= [];
      values.tensors.push(readTensor(file, [reader.span()], `${place}.tensors[${values.tensors.length}]`, externalData));
      return;
    case ATTRIBUTE.graphs:
      values.graphs ??= [];
      values.graphs.push(context.readGraph([reader.span()], `${place}.graphs[${values.graphs.length}]`));
      return;
    case ATTRIBUTE.sparseTensor:
    case ATTRIBUTE.sparseTensors:
    case ATTRIBUTE.tp:
    case ATTRIBUTE.typeProtos:
      throw reader.error("FILE_UNSUPPORTED", `field ${reader.field} contains a sparse tensor or a type, which are not supported`);
    default:
      reader.skip();
  }
}

function finishAttribute(context: AttributeContext, draft: AttributeDraft, place: string, fail: Fail): OnnxAttribute {
  const { name, values } = draft;
  const present = Object.keys(values);
  const type = draft.code === 0 ? soleType(present) : TYPES_BY_CODE[draft.code];
  if (type === undefined) throw fail("FILE_UNSUPPORTED", `attribute type ${draft.code} is not supported, expected 1 to 10`);
  if (present.some((field) => field !== type)) throw fail("FILE_CORRUPT", `it is of type ${type} and contains ${present.join(" and ")}`);
  switch (type) {
    case "float":
      return { name, type, value: values.float ?? 0 };
    case "int":
      return { name, type, value: values.int ?? 0 };
    case "string":
      return { name, type, value: values.string ?? "" };
    case "tensor":
      if (values.tensor === undefined) throw fail("FILE_CORRUPT", "it is of type tensor and contains none");
      return { name, type, value: readTensor(context.file, values.tensor, `${place}.t`, context.externalData) };
    case "graph":
      if (values.graph === undefined) throw fail("FILE_CORRUPT", "it is of type graph and contains none");
      return { name, type, value: context.readGraph(values.graph, `${place}.g`) };
    case "floats":
      return { name, type, value: values.floats ?? [] };
    case "ints":
      return { name, type, value: values.ints ?? [] };
    case "strings":
      return { name, type, value: values.strings ?? [] };
    case "tensors":
      return { name, type, value: values.tensors ?? [] };
    case "graphs":
      return { name, type, value: values.graphs ?? [] };
  }
}

/** The type of an attribute that states none: that of its only value. */
function soleType(present: readonly string[]): OnnxAttributeType | undefined {
  return TYPES_BY_CODE.find((type) => type !== undefined && present.length === 1 && present[0] === type);
}
