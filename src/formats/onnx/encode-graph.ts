/** Writes a GraphProto with its nodes, attributes and values, each field in the order of its number. */

import { type BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { quoted } from "../quoted.js";
import { dataType } from "./data-type.js";
import { checkedFloat, checkedInt, encodeError, writeTensor } from "./encode-tensor.js";
import { ATTRIBUTE, DIMENSION, GRAPH, NODE, SHAPE, TENSOR_TYPE, TYPE, VALUE_INFO } from "./fields.js";
import type { OnnxAttribute, OnnxAttributeType, OnnxDim, OnnxGraph, OnnxNode, OnnxValueInfo } from "./types.js";

/** AttributeProto.AttributeType, which ONNX requires beside the value. */
const ATTRIBUTE_CODES: Readonly<Record<OnnxAttributeType, number>> = {
  float: 1,
  int: 2,
  string: 3,
  tensor: 4,
  graph: 5,
  floats: 6,
  ints: 7,
  strings: 8,
  tensors: 9,
  graphs: 10,
};

/** Write the fields of a graph into the message being written. Initializers are copied. */
export function writeGraph(writer: BinaryWriter, graph: OnnxGraph): void {
  for (const node of graph.nodes) {
    writer.tag(GRAPH.node, WireType.LengthDelimited).fork();
    writeNode(writer, node);
    writer.join();
  }
  writeString(writer, GRAPH.name, graph.name);
  for (const tensor of graph.initializers) writeTensor(writer, GRAPH.initializer, tensor);
  for (const value of graph.inputs) writeValueInfo(writer, GRAPH.input, value);
  for (const value of graph.outputs) writeValueInfo(writer, GRAPH.output, value);
  for (const value of graph.valueInfo) writeValueInfo(writer, GRAPH.valueInfo, value);
}

function writeString(writer: BinaryWriter, field: number, text: string): void {
  writer.tag(field, WireType.LengthDelimited).string(text);
}

function writeNode(writer: BinaryWriter, node: OnnxNode): void {
  const place = `node ${quoted(node.name)} of type ${quoted(node.opType)}`;
  if (node.opType === "") throw encodeError(`node ${quoted(node.name)}`, "it has no opType");
  for (const input of node.inputs) writeString(writer, NODE.input, input);
  for (const output of node.outputs) writeString(writer, NODE.output, output);
  if (node.name !== "") writeString(writer, NODE.name, node.name);
  writeString(writer, NODE.opType, node.opType);
  for (const attribute of node.attributes) {
    writer.tag(NODE.attribute, WireType.LengthDelimited).fork();
    writeString(writer, ATTRIBUTE.name, attribute.name);
    writeAttributeValue(writer, attribute, place);
    writer.tag(ATTRIBUTE.type, WireType.Varint).int32(ATTRIBUTE_CODES[attribute.type]);
    writer.join();
  }
  if (node.domain !== "") writeString(writer, NODE.domain, node.domain);
}

function writeAttributeValue(writer: BinaryWriter, attribute: OnnxAttribute, place: string): void {
  const what = `attribute ${quoted(attribute.name)}`;
  switch (attribute.type) {
    case "float":
      writer.tag(ATTRIBUTE.f, WireType.Bit32).float(checkedFloat(attribute.value, place, what));
      return;
    case "int":
      writer.tag(ATTRIBUTE.i, WireType.Varint).int64(checkedInt(attribute.value, place, what));
      return;
    case "string":
      writeString(writer, ATTRIBUTE.s, attribute.value);
      return;
    case "tensor":
      writeTensor(writer, ATTRIBUTE.t, attribute.value);
      return;
    case "graph":
      writeSubgraph(writer, ATTRIBUTE.g, attribute.value);
      return;
    // Lists are written unpacked, as onnx.proto declares them.
    case "floats":
      for (const value of attribute.value) writer.tag(ATTRIBUTE.floats, WireType.Bit32).float(checkedFloat(value, place, what));
      return;
    case "ints":
      for (const value of attribute.value) writer.tag(ATTRIBUTE.ints, WireType.Varint).int64(checkedInt(value, place, what));
      return;
    case "strings":
      for (const value of attribute.value) writeString(writer, ATTRIBUTE.strings, value);
      return;
    case "tensors":
      for (const value of attribute.value) writeTensor(writer, ATTRIBUTE.tensors, value);
      return;
    case "graphs":
      for (const value of attribute.value) writeSubgraph(writer, ATTRIBUTE.graphs, value);
  }
}

function writeSubgraph(writer: BinaryWriter, field: number, graph: OnnxGraph): void {
  writer.tag(field, WireType.LengthDelimited).fork();
  writeGraph(writer, graph);
  writer.join();
}

function writeValueInfo(writer: BinaryWriter, field: number, value: OnnxValueInfo): void {
  writer.tag(field, WireType.LengthDelimited).fork();
  writeString(writer, VALUE_INFO.name, value.name);
  if (value.otherType !== undefined) writer.tag(VALUE_INFO.type, WireType.LengthDelimited).bytes(value.otherType.bytes);
  else if (value.dtype !== null || value.shape !== null) writeTensorType(writer, value);
  writer.join();
}

function writeTensorType(writer: BinaryWriter, value: OnnxValueInfo): void {
  writer.tag(VALUE_INFO.type, WireType.LengthDelimited).fork();
  writer.tag(TYPE.tensorType, WireType.LengthDelimited).fork();
  if (value.dtype !== null) writer.tag(TENSOR_TYPE.elemType, WireType.Varint).int32(dataType(value.dtype).code);
  if (value.shape !== null) {
    writer.tag(TENSOR_TYPE.shape, WireType.LengthDelimited).fork();
    for (const dim of value.shape) writeDimension(writer, dim, value.name);
    writer.join();
  }
  writer.join();
  writer.join();
}

function writeDimension(writer: BinaryWriter, dim: OnnxDim, name: string): void {
  writer.tag(SHAPE.dim, WireType.LengthDelimited).fork();
  if (typeof dim === "string") writeString(writer, DIMENSION.dimParam, dim);
  if (typeof dim === "number") {
    const place = `value ${quoted(name)}`;
    if (dim < 0) throw encodeError(place, `a dimension is ${dim}, expected 0 or more, a name, or null`);
    writer.tag(DIMENSION.dimValue, WireType.Varint).int64(checkedInt(dim, place, "a dimension"));
  }
  writer.join();
}
