import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { concatChunks } from "../concat-chunks.js";
import { decodeModel } from "./decode.js";
import { decodeTensor } from "./decode-tensor.js";
import { appendMetadata, encodeModel } from "./encode.js";
import { encodeTensor } from "./encode-tensor.js";
import { modelArbitrary, reluModel, tensorArbitrary } from "./model.cases.js";
import type { OnnxAttribute, OnnxModel, OnnxTensor } from "./types.js";

function bytesOf(model: OnnxModel): Uint8Array {
  return concatChunks(encodeModel(model).chunks);
}

function weight(name: string, bytes: number): OnnxTensor {
  return { name, dtype: "uint8", shape: [bytes], data: new Uint8Array(bytes).fill(7) };
}

describe("round trip", () => {
  test("any model decodes to itself, and equal models give equal bytes", () => {
    fc.assert(
      fc.property(modelArbitrary, (model) => {
        const bytes = bytesOf(model);
        expect(decodeModel(bytes)).toEqual(model);
        expect(bytesOf(decodeModel(bytes))).toEqual(bytes);
      }),
      { numRuns: 150 },
    );
  });

  test("any tensor on its own", () => {
    fc.assert(
      fc.property(tensorArbitrary, (tensor) => {
        expect(decodeTensor(encodeTensor(tensor))).toEqual(tensor);
      }),
    );
  });

  test("the places of values in other files, when they are asked for", () => {
    const external = new Map([
      ["location", "weights.bin"],
      ["offset", "4096"],
    ]);
    const model = reluModel({ initializers: [{ name: "w", dtype: "float32", shape: [1024, 3], data: new Uint8Array(0), external }] });
    expect(decodeModel(bytesOf(model), { externalData: "report" })).toEqual(model);
  });

  test("a float64 attribute is rounded to float32", () => {
    const attribute = decodeModel(bytesOf(withAttribute({ name: "a", type: "float", value: 0.1 }))).graph.nodes[0]?.attributes[0];
    expect(attribute).toEqual({ name: "a", type: "float", value: Math.fround(0.1) });
  });
});

describe("bytes", () => {
  test("of a model of one node, by hand from the field numbers", () => {
    const graph = [
      [0x0a, 15, 0x0a, 1, 0x78, 0x12, 1, 0x79, 0x1a, 1, 0x6e, 0x22, 4, 0x52, 0x65, 0x6c, 0x75], // node x → y "n" Relu
      [0x12, 1, 0x67], // name "g"
      [0x5a, 15, 0x0a, 1, 0x78, 0x12, 10, 0x0a, 8, 0x08, 1, 0x12, 4, 0x0a, 2, 0x08, 5], // input x float32 [5]
      [0x62, 16, 0x0a, 1, 0x79, 0x12, 11, 0x0a, 9, 0x08, 1, 0x12, 5, 0x0a, 3, 0x12, 1, 0x4e], // output y float32 [N]
    ].flat();
    const model = reluModel({
      nodes: [{ opType: "Relu", domain: "", name: "n", inputs: ["x"], outputs: ["y"], attributes: [] }],
      inputs: [{ name: "x", dtype: "float32", shape: [5] }],
      outputs: [{ name: "y", dtype: "float32", shape: ["N"] }],
    });
    expect([...bytesOf(model)]).toEqual([0x08, 10, 0x3a, graph.length, ...graph, 0x42, 2, 0x10, 21]);
  });

  test("of an initializer follow as a further piece of the graph", () => {
    const tensor: OnnxTensor = { name: "w", dtype: "int8", shape: [2], data: Uint8Array.of(5, 250) };
    const plain = bytesOf(reluModel());
    const piece = [0x3a, 13, 0x2a, 11, 0x08, 2, 0x10, 3, 0x42, 1, 0x77, 0x4a, 2, 5, 250];
    expect([...bytesOf(reluModel({ initializers: [tensor] }))]).toEqual([...plain, ...piece]);
  });
});

describe("chunks", () => {
  test("large weights are views of the caller's memory, small ones are copied, the order stays", () => {
    const initializers = [weight("a", 5000), weight("b", 10), weight("c", 4096), weight("d", 4097)];
    const { chunks, byteLength } = encodeModel(reluModel({ initializers }));
    expect(chunks).toHaveLength(4);
    expect(chunks[1]).toBe(initializers[0]?.data);
    expect(chunks[3]).toBe(initializers[3]?.data);
    expect(byteLength).toBe(chunks.reduce((total, chunk) => total + chunk.byteLength, 0));
    expect(decodeModel(concatChunks(chunks)).graph.initializers).toEqual(initializers);
  });

  test("decoded weights view the file", () => {
    const bytes = bytesOf(reluModel({ initializers: [weight("a", 5000)] }));
    expect(decodeModel(bytes).graph.initializers[0]?.data.buffer).toBe(bytes.buffer);
  });
});

describe("metadata", () => {
  test("can be appended to an encoded model; the last value of a key wins", () => {
    const model = {
      ...reluModel({ initializers: [weight("a", 5000)] }),
      metadata: new Map([
        ["a", "1"],
        ["__proto__", "x"],
      ]),
    };
    const bytes = concatChunks([
      ...encodeModel(model).chunks,
      appendMetadata([
        ["a", "2"],
        ["größe", "3"],
      ]),
    ]);
    expect(decodeModel(bytes)).toEqual({
      ...model,
      metadata: new Map([
        ["a", "2"],
        ["__proto__", "x"],
        ["größe", "3"],
      ]),
    });
  });

  test("no entries are no bytes", () => {
    expect(appendMetadata(new Map())).toEqual(new Uint8Array(0));
  });
});

function withAttribute(attribute: OnnxAttribute): OnnxModel {
  return reluModel({ nodes: [{ opType: "Op", domain: "", name: "n", inputs: [], outputs: [], attributes: [attribute] }] });
}

describe("what ONNX cannot say is refused", () => {
  const tensor: OnnxTensor = { name: "w", dtype: "float32", shape: [3], data: new Uint8Array(12) };
  const cases: readonly [model: OnnxModel, message: string][] = [
    [
      withAttribute({ name: "alpha", type: "float", value: 1e39 }),
      'Cannot encode node "n" of type "Op": attribute "alpha" is 1e+39, expected a number in the range of float32',
    ],
    [
      withAttribute({ name: "pads", type: "ints", value: [0, 0.5] }),
      'Cannot encode node "n" of type "Op": attribute "pads" is 0.5, expected an integer that 64 bits hold exactly',
    ],
    [
      withAttribute({ name: "axis", type: "int", value: 2n ** 63n }),
      'Cannot encode node "n" of type "Op": attribute "axis" is 9223372036854775808, expected an integer that 64 bits hold exactly',
    ],
    [
      withAttribute({ name: "axis", type: "int", value: 2 ** 53 }),
      'Cannot encode node "n" of type "Op": attribute "axis" is 9007199254740992, expected an integer that 64 bits hold exactly',
    ],
    [
      reluModel({ initializers: [{ ...tensor, data: new Uint8Array(8) }] }),
      'Cannot encode tensor "w": data has 8 bytes, shape [3] of float32 takes 12',
    ],
    [
      reluModel({ initializers: [{ ...tensor, shape: [-3] }] }),
      'Cannot encode tensor "w": shape [-3] of float32 has dimension -3, expected integers of at least 0',
    ],
    [
      reluModel({ initializers: [{ ...tensor, shape: [2 ** 52, 2 ** 52] }] }),
      'Cannot encode tensor "w": shape [4503599627370496, 4503599627370496] of float32 has more than 9007199254740991 elements',
    ],
    [
      reluModel({ initializers: [{ ...tensor, dtype: "string", data: new Uint8Array(0), strings: ["a"] }] }),
      'Cannot encode tensor "w": it has 1 strings, shape [3] of string takes 3',
    ],
    [
      reluModel({ nodes: [{ opType: "", domain: "", name: "n", inputs: [], outputs: [], attributes: [] }] }),
      'Cannot encode node "n": it has no opType',
    ],
    [
      reluModel({ inputs: [{ name: "x", dtype: "float32", shape: [-1] }] }),
      'Cannot encode value "x": a dimension is -1, expected 0 or more, a name, or null',
    ],
    [
      { ...reluModel(), unread: { functions: 2, trainingInfo: 0, sparseInitializers: 1 } },
      'Cannot encode ONNX model "g": it was read without 2 functions, 0 training infos and 1 sparse initializers',
    ],
    [{ ...reluModel(), irVersion: 1.5 }, "Cannot encode model: irVersion is 1.5, expected an integer that 64 bits hold exactly"],
  ];
  test.each(cases)("%#", (model, message) => {
    expect(() => encodeModel(model)).toThrow(expect.objectContaining({ code: "GRAPH_INVALID", message }));
  });

  test("more than 2 GB, without taking the memory", () => {
    // Five views of one block of zeros that is never touched, so that the system never gives it real memory.
    const data = new Uint8Array(2 ** 29);
    const initializers = Array.from({ length: 5 }, (_, i): OnnxTensor => ({ name: `w${i}`, dtype: "uint8", shape: [2 ** 29], data }));
    expect(() => encodeModel(reluModel({ initializers }))).toThrow(
      expect.objectContaining({
        code: "FILE_LIMIT",
        message: 'Cannot encode ONNX model "g": 2,684,354,785 bytes, the limit of protobuf is 2,147,483,647',
      }),
    );
    expect(encodeModel(reluModel({ initializers: initializers.slice(0, 3) })).byteLength).toBeGreaterThan(3 * 2 ** 29);
  });
});
