import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { describe, expect, test } from "vitest";
import { decodeModel } from "./decode.js";
import { decodeTensor } from "./decode-tensor.js";
import type { OnnxAttribute, OnnxGraph } from "./types.js";

/** A message written field by field, each field by its number: the independent side of these tests. */
type Field = (writer: BinaryWriter) => void;

function message(...fields: readonly Field[]): Uint8Array {
  const writer = new BinaryWriter();
  for (const field of fields) field(writer);
  return writer.finish();
}

const int =
  (field: number, value: number | bigint): Field =>
  (w) =>
    void w.tag(field, WireType.Varint).int64(value);
const float =
  (field: number, value: number): Field =>
  (w) =>
    void w.tag(field, WireType.Bit32).float(value);
const text =
  (field: number, value: string): Field =>
  (w) =>
    void w.tag(field, WireType.LengthDelimited).string(value);
const bytes =
  (field: number, value: Uint8Array): Field =>
  (w) =>
    void w.tag(field, WireType.LengthDelimited).bytes(value);
const nested = (field: number, ...fields: readonly Field[]): Field => bytes(field, message(...fields));
const packedInts = (field: number, ...values: readonly (number | bigint)[]): Field =>
  bytes(field, values.reduce((w: BinaryWriter, value) => w.int64(value), new BinaryWriter()).finish());
const packedFloats = (field: number, ...values: readonly number[]): Field => bytes(field, new Uint8Array(Float32Array.from(values).buffer));
const packedDoubles = (field: number, ...values: readonly number[]): Field =>
  bytes(field, new Uint8Array(Float64Array.from(values).buffer));

/** A model of IR version 10 with one graph. */
const modelOf = (...graph: readonly Field[]): Uint8Array => message(int(1, 10), nested(7, ...graph));

const EMPTY_GRAPH: OnnxGraph = { name: "", nodes: [], initializers: [], inputs: [], outputs: [], valueInfo: [] };

describe("model", () => {
  test("fields in any order, unknown and unneeded ones skipped", () => {
    const file = message(
      bytes(99, Uint8Array.of(1, 2, 3)),
      (w) => void w.tag(98, WireType.Bit64).double(1),
      float(97, 1),
      int(96, -1n),
      nested(14, text(2, "value"), text(1, "key")),
      nested(7, text(2, "g"), nested(16, text(1, "a"))),
      nested(8, text(1, "ai.onnx.ml"), int(2, 3)),
      nested(8, int(2, 13)),
      text(6, "doc"),
      text(3, "1.0"),
      text(2, "tool"),
      int(5, 7),
      int(1, 8),
    );
    expect(decodeModel(file)).toEqual({
      irVersion: 8,
      opsets: [
        { domain: "ai.onnx.ml", version: 3 },
        { domain: "", version: 13 },
      ],
      producerName: "tool",
      producerVersion: "1.0",
      docString: "doc",
      metadata: new Map([["key", "value"]]),
      graph: { ...EMPTY_GRAPH, name: "g" },
    });
  });

  test("a graph in pieces is one graph, and a type in pieces one type", () => {
    const file = message(
      int(1, 10),
      nested(
        7,
        text(2, "first"),
        nested(11, text(1, "x"), nested(2, nested(1, int(1, 1))), nested(2, nested(1, nested(2, nested(1, int(1, 4)))))),
      ),
      nested(7, nested(5, int(1, 2), int(2, 2), text(8, "a"), bytes(9, Uint8Array.of(1, 2)))),
      nested(7, text(2, "last"), nested(5, int(2, 2), text(8, "b"), bytes(9, Uint8Array.of(3)))),
    );
    expect(decodeModel(file).graph).toEqual({
      ...EMPTY_GRAPH,
      name: "last",
      initializers: [
        { name: "a", dtype: "uint8", shape: [2], data: Uint8Array.of(1, 2) },
        { name: "b", dtype: "uint8", shape: [], data: Uint8Array.of(3) },
      ],
      inputs: [{ name: "x", dtype: "float32", shape: [4] }],
    });
  });

  test("dimensions: sizes, names, unknown ones in all the ways exporters write them", () => {
    const shape = nested(2, nested(1, int(1, 0)), nested(1, text(2, "N")), nested(1), nested(1, int(1, -1)), nested(1, text(2, "")));
    const file = modelOf(nested(11, text(1, "x"), nested(2, nested(1, int(1, 10), shape))), nested(12, text(1, "y")));
    const { inputs, outputs } = decodeModel(file).graph;
    expect(inputs).toEqual([{ name: "x", dtype: "float16", shape: [0, "N", null, null, null] }]);
    expect(outputs).toEqual([{ name: "y", dtype: null, shape: null }]);
  });

  test("types that are no tensors are kept as bytes", () => {
    const sequence = message(nested(4, nested(1, nested(1, int(1, 1)))));
    const { inputs } = decodeModel(modelOf(nested(11, text(1, "x"), bytes(2, sequence)))).graph;
    expect(inputs).toEqual([{ name: "x", dtype: null, shape: null, otherType: { kind: "sequence", bytes: sequence } }]);
  });

  test("parts that are not read are counted when asked, and refused otherwise", () => {
    const file = message(int(1, 10), nested(7, nested(15)), nested(20), nested(25), nested(25));
    expect(decodeModel(file, { otherParts: "report" }).unread).toEqual({ functions: 2, trainingInfo: 1, sparseInitializers: 1 });
    const refused = (fields: readonly Field[]) => {
      try {
        return decodeModel(message(int(1, 10), ...fields), { name: "a.onnx" });
      } catch (error) {
        return error;
      }
    };
    expect(refused([nested(7), nested(25)])).toMatchObject({
      code: "FILE_UNSUPPORTED",
      message: 'Cannot read model of "a.onnx": functions are not supported, expected a graph of plain nodes',
    });
    expect(refused([nested(7), nested(20)])).toMatchObject({
      code: "FILE_UNSUPPORTED",
      message: 'Cannot read model of "a.onnx": training information is not supported, expected a graph of plain nodes',
    });
    expect(refused([nested(7, nested(15))])).toMatchObject({
      code: "FILE_UNSUPPORTED",
      message: 'Cannot read graph of "a.onnx": sparse initializers are not supported, expected a graph of plain nodes',
    });
  });
});

describe("attributes", () => {
  function attributeOf(...fields: readonly Field[]): OnnxAttribute | undefined {
    return decodeModel(modelOf(nested(1, text(4, "Op"), nested(5, text(1, "a"), ...fields)))).graph.nodes[0]?.attributes[0];
  }

  test("of each type", () => {
    const tensor = [int(2, 9), bytes(9, Uint8Array.of(1))];
    const readTensor = { name: "", dtype: "bool", shape: [], data: Uint8Array.of(1) };
    expect([
      attributeOf(float(2, 0.5), int(20, 1)),
      attributeOf(int(3, -(2n ** 63n)), int(20, 2)),
      attributeOf(text(4, "ä"), int(20, 3)),
      attributeOf(nested(5, ...tensor), int(20, 4)),
      attributeOf(nested(6, text(2, "inner")), int(20, 5)),
      attributeOf(float(7, 1), packedFloats(7, 2, 3), int(20, 6)),
      attributeOf(int(8, 1), packedInts(8, -2, 2n ** 60n), int(8, 3), int(20, 7)),
      attributeOf(text(9, "a"), text(9, ""), int(20, 8)),
      attributeOf(nested(10, ...tensor), int(20, 9)),
      attributeOf(nested(11, text(2, "inner")), int(20, 10)),
    ]).toEqual([
      { name: "a", type: "float", value: 0.5 },
      { name: "a", type: "int", value: -(2n ** 63n) },
      { name: "a", type: "string", value: "ä" },
      { name: "a", type: "tensor", value: readTensor },
      { name: "a", type: "graph", value: { ...EMPTY_GRAPH, name: "inner" } },
      { name: "a", type: "floats", value: [1, 2, 3] },
      { name: "a", type: "ints", value: [1, -2, 2n ** 60n, 3] },
      { name: "a", type: "strings", value: ["a", ""] },
      { name: "a", type: "tensors", value: [readTensor] },
      { name: "a", type: "graphs", value: [{ ...EMPTY_GRAPH, name: "inner" }] },
    ]);
  });

  test("of a stated type and no value have the value that protobuf means by none", () => {
    expect([1, 2, 3, 6, 7, 8, 9, 10].map((code) => attributeOf(int(20, code))?.value)).toEqual([0, 0, "", [], [], [], [], []]);
  });

  test("without a type, as old files write them, have that of their value", () => {
    expect(attributeOf(int(3, 5))).toEqual({ name: "a", type: "int", value: 5 });
    expect(attributeOf(packedInts(8, 5, 6))).toEqual({ name: "a", type: "ints", value: [5, 6] });
  });

  test("a tensor in pieces is one tensor", () => {
    expect(attributeOf(nested(5, int(2, 1), int(1, 1)), nested(5, bytes(9, new Uint8Array(4))), int(20, 4))).toEqual({
      name: "a",
      type: "tensor",
      value: { name: "", dtype: "float32", shape: [1], data: new Uint8Array(4) },
    });
  });

  const refused: readonly [what: string, fields: readonly Field[], code: string, message: string][] = [
    ["two values", [int(3, 1), float(2, 1), int(20, 2)], "FILE_CORRUPT", "it is of type int and contains int and float"],
    ["another value", [float(2, 1), int(20, 2)], "FILE_CORRUPT", "it is of type int and contains float"],
    ["no tensor", [int(20, 4)], "FILE_CORRUPT", "it is of type tensor and contains none"],
    ["no graph", [int(20, 5)], "FILE_CORRUPT", "it is of type graph and contains none"],
    ["neither type nor value", [], "FILE_UNSUPPORTED", "attribute type 0 is not supported, expected 1 to 10"],
    ["the type of types", [int(20, 13)], "FILE_UNSUPPORTED", "attribute type 13 is not supported, expected 1 to 10"],
    ["a negative type", [int(20, -1)], "FILE_UNSUPPORTED", "attribute type -1 is not supported, expected 1 to 10"],
    ["a reference", [text(21, "b"), int(20, 2)], "FILE_UNSUPPORTED", 'it refers to attribute "b" of a function, expected a value'],
  ];
  test.each(refused)("with %s are refused", (_what, fields, code, fact) => {
    expect(() => attributeOf(...fields)).toThrow(
      expect.objectContaining({ code, message: `Cannot read attribute "a" (graph.node[0].attribute[0]) of "model.onnx": ${fact}` }),
    );
  });

  test("with a sparse tensor or a type are refused", () => {
    expect(() => attributeOf(nested(14))).toThrow(
      expect.objectContaining({
        code: "FILE_UNSUPPORTED",
        message:
          'Cannot read graph.node[0].attribute[0] of "model.onnx": field 14 contains a sparse tensor or a type, which are not supported',
      }),
    );
  });
});

describe("tensors", () => {
  const bytesOf = (values: ArrayLike<number> & { buffer: ArrayBufferLike }) => new Uint8Array(values.buffer);
  const read = (...fields: readonly Field[]) => decodeTensor(message(text(8, "t"), ...fields));

  test("values in raw_data are a view of the file", () => {
    const file = message(int(1, 2), int(2, 1), bytes(9, new Uint8Array(8)));
    expect(decodeTensor(file).data.buffer).toBe(file.buffer);
  });

  test("values in the field of their type, packed, not, and both", () => {
    expect(read(packedInts(1, 3), int(2, 1), packedFloats(4, 1, 2), float(4, 3)).data).toEqual(bytesOf(Float32Array.of(1, 2, 3)));
    expect(read(int(1, 2), int(2, 11), packedDoubles(10, 1, -2)).data).toEqual(bytesOf(Float64Array.of(1, -2)));
    expect(read(int(1, 3), int(2, 7), packedInts(7, -1, 2n ** 62n), int(7, 5)).data).toEqual(
      new Uint8Array(BigInt64Array.of(-1n, 2n ** 62n, 5n).buffer),
    );
    expect(read(int(1, 2), int(2, 6), packedInts(5, -7, 2 ** 31 - 1)).data).toEqual(bytesOf(Int32Array.of(-7, 2 ** 31 - 1)));
    expect(read(int(1, 2), int(2, 3), packedInts(5, -7, 127)).data).toEqual(bytesOf(Int8Array.of(-7, 127)));
    expect(read(int(1, 2), int(2, 10), packedInts(5, 0x3c00, 0xfbff)).data).toEqual(bytesOf(Uint16Array.of(0x3c00, 0xfbff)));
    expect(read(int(1, 2), int(2, 9), packedInts(5, 1, 0)).data).toEqual(Uint8Array.of(1, 0));
    expect(read(int(1, 1), int(2, 12), packedInts(11, 2 ** 32 - 1)).data).toEqual(bytesOf(Uint32Array.of(2 ** 32 - 1)));
  });

  test("complex numbers are two values, 4-bit elements share one", () => {
    expect(read(int(1, 1), int(2, 14), packedFloats(4, 1, 2)).data).toEqual(bytesOf(Float32Array.of(1, 2)));
    expect(read(int(1, 3), int(2, 22), packedInts(5, 0x21, 0x03)).data).toEqual(Uint8Array.of(0x21, 0x03));
  });

  test("strings", () => {
    expect(read(int(1, 2), int(2, 8), text(6, "a"), text(6, "ß"))).toEqual({
      name: "t",
      dtype: "string",
      shape: [2],
      data: new Uint8Array(0),
      strings: ["a", "ß"],
    });
  });

  test("a dimension of 0 makes no elements, whatever the others are", () => {
    expect(read(packedInts(1, 2 ** 52, 2 ** 52, 0), int(2, 1))).toMatchObject({ shape: [2 ** 52, 2 ** 52, 0], data: new Uint8Array(0) });
  });

  const refused: readonly [fields: readonly Field[], code: string, fact: string][] = [
    [[int(2, 1)], "FILE_CORRUPT", "raw_data has 0 bytes, shape [] of float32 takes 4"],
    [[int(1, 3), int(2, 1), bytes(9, new Uint8Array(11))], "FILE_CORRUPT", "raw_data has 11 bytes, shape [3] of float32 takes 12"],
    [[int(1, 3), int(2, 1), packedFloats(4, 1, 2)], "FILE_CORRUPT", "float_data has 2 values, shape [3] of float32 takes 3"],
    [[int(1, 3), int(2, 7), packedInts(7, 1, 2, 3, 4)], "FILE_CORRUPT", "int64_data has 4 values, shape [3] of int64 takes 3"],
    [[int(1, 1), int(2, 1), int(7, 1)], "FILE_CORRUPT", "the values of float32 are in int64_data, expected raw_data or float_data"],
    [
      [int(1, 1), int(2, 1), float(4, 1), bytes(9, new Uint8Array(4))],
      "FILE_CORRUPT",
      "the values of float32 are in raw_data and float_data, expected raw_data or float_data",
    ],
    [[int(1, 1), int(2, 8), bytes(9, new Uint8Array(4))], "FILE_CORRUPT", "the values of string are in raw_data, expected string_data"],
    [[int(1, 3), int(2, 8), text(6, "a")], "FILE_CORRUPT", "string_data has 1 values, shape [3] takes 3"],
    [[int(1, 1)], "FILE_UNSUPPORTED", "data type 0 is unknown, expected 1 to 26"],
    [[int(1, 1), int(2, 27)], "FILE_UNSUPPORTED", "data type 27 is unknown, expected 1 to 26"],
    [[packedInts(1, 2 ** 27, 2 ** 27), int(2, 1)], "FILE_CORRUPT", "shape [134217728, 134217728] has more than 9007199254740991 elements"],
  ];
  test.each(refused)("%#: contradictions are refused", (fields, code, fact) => {
    expect(() => read(...fields)).toThrow(expect.objectContaining({ code, message: `Cannot read tensor "t" of "tensor.pb": ${fact}` }));
  });

  test("segments are refused", () => {
    expect(() => read(nested(3))).toThrow(
      expect.objectContaining({
        code: "FILE_UNSUPPORTED",
        message: 'Cannot read tensor of "tensor.pb": it is stored in segments, expected whole',
      }),
    );
  });
});
