/** Generated models for the tests of this folder: every kind of attribute, element type and value that the records can say. */

import fc from "fast-check";
import { bytesOfElements } from "./data-type.js";
import type {
  OnnxAttribute,
  OnnxDType,
  OnnxGraph,
  OnnxInt,
  OnnxModel,
  OnnxNode,
  OnnxOtherType,
  OnnxTensor,
  OnnxValueInfo,
} from "./types.js";

export const ALL_DTYPES: readonly OnnxDType[] = [
  "float64",
  "float32",
  "float16",
  "bfloat16",
  "int64",
  "uint64",
  "int32",
  "uint32",
  "int16",
  "uint16",
  "int8",
  "uint8",
  "bool",
  "string",
  "complex64",
  "complex128",
  "float8e4m3fn",
  "float8e4m3fnuz",
  "float8e5m2",
  "float8e5m2fnuz",
  "float8e8m0",
  "float4e2m1",
  "uint4",
  "int4",
  "uint2",
  "int2",
];

/** Well-formed text: empty, long, beyond ASCII. */
const text = fc.string({ unit: "grapheme", maxLength: 40 });
const someText = fc.string({ unit: "grapheme", minLength: 1, maxLength: 12 });

/** Integers as decoding gives them: numbers where they are exact, bigints beyond. */
const int: fc.Arbitrary<OnnxInt> = fc
  .oneof(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), fc.bigInt({ min: -300n, max: 300n }))
  .map((value) => (Number.isSafeInteger(Number(value)) ? Number(value) : value));

const float = fc.float();

const shape = fc.array(fc.nat(4), { maxLength: 4 });

export const tensorArbitrary: fc.Arbitrary<OnnxTensor> = fc
  .record({ name: text, dtype: fc.constantFrom(...ALL_DTYPES), shape })
  .chain(({ name, dtype, shape }): fc.Arbitrary<OnnxTensor> => {
    const count = shape.reduce((product, dim) => product * dim, 1);
    const length = bytesOfElements(dtype, count);
    const strings = fc.array(text, { minLength: count, maxLength: count });
    if (dtype === "string") return strings.map((strings) => ({ name, dtype, shape, data: new Uint8Array(0), strings }));
    return fc.uint8Array({ minLength: length, maxLength: length }).map((data) => ({ name, dtype, shape, data }));
  });

/** TypeProtos with one empty field of the kind's number. */
const otherType: fc.Arbitrary<OnnxOtherType> = fc.constantFrom(
  { kind: "sequence", bytes: Uint8Array.of(4 * 8 + 2, 0) },
  { kind: "map", bytes: Uint8Array.of(5 * 8 + 2, 0) },
  { kind: "sparse tensor", bytes: Uint8Array.of(8 * 8 + 2, 0) },
  { kind: "optional", bytes: Uint8Array.of(9 * 8 + 2, 0) },
);

const dim = fc.oneof(fc.nat(), fc.constant(Number.MAX_SAFE_INTEGER), someText, fc.constant(null));

const valueInfo: fc.Arbitrary<OnnxValueInfo> = fc.oneof(
  fc.record({
    name: text,
    dtype: fc.option(fc.constantFrom(...ALL_DTYPES)),
    shape: fc.option(fc.array(dim, { maxLength: 5 })),
  }),
  fc.record({ name: text, dtype: fc.constant(null), shape: fc.constant(null), otherType }),
);

function attributeArbitrary(depth: number): fc.Arbitrary<OnnxAttribute> {
  const flat: fc.Arbitrary<OnnxAttribute>[] = [
    fc.record({ name: text, type: fc.constant("float"), value: float }),
    fc.record({ name: text, type: fc.constant("int"), value: int }),
    fc.record({ name: text, type: fc.constant("string"), value: text }),
    fc.record({ name: text, type: fc.constant("tensor"), value: tensorArbitrary }),
    fc.record({ name: text, type: fc.constant("floats"), value: fc.array(float, { maxLength: 5 }) }),
    fc.record({ name: text, type: fc.constant("ints"), value: fc.array(int, { maxLength: 5 }) }),
    fc.record({ name: text, type: fc.constant("strings"), value: fc.array(text, { maxLength: 3 }) }),
    fc.record({ name: text, type: fc.constant("tensors"), value: fc.array(tensorArbitrary, { maxLength: 2 }) }),
  ];
  if (depth === 0) return fc.oneof(...flat);
  const graph = graphArbitrary(depth - 1);
  return fc.oneof(
    ...flat,
    fc.record({ name: text, type: fc.constant("graph"), value: graph }),
    fc.record({ name: text, type: fc.constant("graphs"), value: fc.array(graph, { maxLength: 2 }) }),
  );
}

function nodeArbitrary(depth: number): fc.Arbitrary<OnnxNode> {
  return fc.record({
    opType: someText,
    domain: fc.oneof(fc.constant(""), someText),
    name: text,
    inputs: fc.array(text, { maxLength: 3 }),
    outputs: fc.array(text, { maxLength: 2 }),
    attributes: fc.array(attributeArbitrary(depth), { maxLength: 3 }),
  });
}

function graphArbitrary(depth: number): fc.Arbitrary<OnnxGraph> {
  return fc.record({
    name: text,
    nodes: fc.array(nodeArbitrary(depth), { maxLength: 3 }),
    initializers: fc.array(tensorArbitrary, { maxLength: 3 }),
    inputs: fc.array(valueInfo, { maxLength: 2 }),
    outputs: fc.array(valueInfo, { maxLength: 2 }),
    valueInfo: fc.array(valueInfo, { maxLength: 2 }),
  });
}

export const modelArbitrary: fc.Arbitrary<OnnxModel> = fc
  .record({
    irVersion: fc.integer({ min: 1, max: 20 }),
    opsets: fc.array(fc.record({ domain: text, version: fc.nat() }), { maxLength: 3 }),
    producerName: text,
    producerVersion: text,
    docString: fc.option(someText),
    metadata: fc.dictionary(text, text, { maxKeys: 4 }),
    graph: graphArbitrary(2),
  })
  .map(({ docString, metadata, ...model }) => ({
    ...model,
    metadata: new Map(Object.entries(metadata)),
    ...(docString === null ? {} : { docString }),
  }));

/** A model of one Relu, to be varied by spreading. */
export function reluModel(changes: Partial<OnnxGraph> = {}): OnnxModel {
  return {
    irVersion: 10,
    opsets: [{ domain: "", version: 21 }],
    producerName: "",
    producerVersion: "",
    metadata: new Map(),
    graph: {
      name: "g",
      nodes: [{ opType: "Relu", domain: "", name: "relu", inputs: ["x"], outputs: ["y"], attributes: [] }],
      initializers: [],
      inputs: [{ name: "x", dtype: "float32", shape: ["N", 2] }],
      outputs: [{ name: "y", dtype: "float32", shape: ["N", 2] }],
      valueInfo: [],
      ...changes,
    },
  };
}
