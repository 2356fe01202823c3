/**
 * What an ONNX file says, as plain records: the part of the format that inference graphs use. Names follow onnx.proto.
 *
 * Not kept: documentation strings below the model, per-node and per-tensor metadata, device configurations, quantization annotations.
 * They change no result. What would change one (functions, training information, sparse initializers) is counted in `unread`.
 */

import type { DType } from "../../tensor/dtype.js";

/** Element types of ONNX: ours under our names, the others under ONNX's names in lower case. */
export type OnnxDType =
  | DType
  | "string"
  | "complex64"
  | "complex128"
  | "float8e4m3fn"
  | "float8e4m3fnuz"
  | "float8e5m2"
  | "float8e5m2fnuz"
  | "float8e8m0"
  | "float4e2m1"
  | "uint4"
  | "int4"
  | "uint2"
  | "int2";

/** A 64-bit integer: a number where that is exact (up to 2^53 - 1), a bigint beyond. Encoding accepts both everywhere. */
export type OnnxInt = number | bigint;

/** A dimension of a graph value: a size, the name of a symbolic size ("batch"), or null for an unknown one. */
export type OnnxDim = number | string | null;

/** An operator set that the model uses; domain "" is ONNX's own. */
export interface OnnxOpset {
  readonly domain: string;
  readonly version: number;
}

/** Parts of a file that are known and not read, as counts. All 0 unless they were asked to be reported (`DecodeOptions.otherParts`). */
export interface OnnxUnread {
  readonly functions: number;
  readonly trainingInfo: number;
  readonly sparseInitializers: number;
}

export interface OnnxModel {
  /** Version of the file format, 3 to 13 in files seen so far. */
  readonly irVersion: number;
  readonly opsets: readonly OnnxOpset[];
  readonly producerName: string;
  readonly producerVersion: string;
  readonly docString?: string;
  /** In file order. A key that occurs twice keeps its last value, so that appended entries win. */
  readonly metadata: ReadonlyMap<string, string>;
  readonly graph: OnnxGraph;
  /** Absent when nothing was left unread. */
  readonly unread?: OnnxUnread;
}

export interface OnnxGraph {
  readonly name: string;
  /** In topological order, as the format requires; not checked here. */
  readonly nodes: readonly OnnxNode[];
  readonly initializers: readonly OnnxTensor[];
  readonly inputs: readonly OnnxValueInfo[];
  readonly outputs: readonly OnnxValueInfo[];
  /** Types of values between the nodes, where the producer stated them. */
  readonly valueInfo: readonly OnnxValueInfo[];
}

export interface OnnxNode {
  readonly opType: string;
  /** "" (also written "ai.onnx") for ONNX's own operators. */
  readonly domain: string;
  readonly name: string;
  /** Value names; "" stands for an optional input that is left out. */
  readonly inputs: readonly string[];
  /** Value names; "" stands for an optional output that is not wanted. */
  readonly outputs: readonly string[];
  readonly attributes: readonly OnnxAttribute[];
}

/** The value of an attribute for each attribute type. Floats are float32: other numbers are rounded when encoded. */
interface OnnxAttributeValues {
  float: number;
  int: OnnxInt;
  string: string;
  tensor: OnnxTensor;
  graph: OnnxGraph;
  floats: readonly number[];
  ints: readonly OnnxInt[];
  strings: readonly string[];
  tensors: readonly OnnxTensor[];
  graphs: readonly OnnxGraph[];
}

export type OnnxAttributeType = keyof OnnxAttributeValues;

/** A named attribute; `type` says which value it has. */
export type OnnxAttribute = {
  readonly [T in OnnxAttributeType]: { readonly name: string; readonly type: T; readonly value: OnnxAttributeValues[T] };
}[OnnxAttributeType];

/**
 * A constant tensor, row-major. Exactly one of these holds:
 * `strings` is present (dtype "string"), `external` is present (the values are in another file), or `data` has the values.
 */
export interface OnnxTensor {
  readonly name: string;
  readonly dtype: OnnxDType;
  readonly shape: readonly number[];
  /** Little-endian elements; 4-bit and 2-bit elements are packed from the low bits up. A view of the file when it was read from one. */
  readonly data: Uint8Array;
  readonly strings?: readonly string[];
  /** Where the values are: ONNX's keys `location`, `offset`, `length`, `checksum`, as written and never followed. */
  readonly external?: ReadonlyMap<string, string>;
}

/** The name and type of a graph input, output or intermediate value. */
export interface OnnxValueInfo {
  readonly name: string;
  /** null when the value is no tensor or the type is not stated. */
  readonly dtype: OnnxDType | null;
  /** null when the rank is not stated; [] is a scalar. */
  readonly shape: readonly OnnxDim[] | null;
  /** A type that is no tensor: kept as the bytes of its TypeProto, so that it is written back whole, and never interpreted. */
  readonly otherType?: OnnxOtherType;
}

export interface OnnxOtherType {
  readonly kind: "sequence" | "map" | "optional" | "sparse tensor";
  readonly bytes: Uint8Array;
}
