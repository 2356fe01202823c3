import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { bytesSource } from "../byte-source.js";
import { concatChunks } from "../concat-chunks.js";
import { encodeModel } from "./encode.js";
import { modelArbitrary, reluModel } from "./model.cases.js";
import { looksLikeOnnx } from "./sniff.js";

const sniff = (bytes: Uint8Array) => looksLikeOnnx(bytesSource("file", bytes));
const ascii = (text: string) => new TextEncoder().encode(text);

describe("ONNX models are claimed", () => {
  test("any that the encoder writes", async () => {
    await fc.assert(
      fc.asyncProperty(modelArbitrary, async (model) => {
        expect(await sniff(concatChunks(encodeModel(model).chunks))).toBe(true);
      }),
      { numRuns: 50 },
    );
  });

  test("cut off anywhere behind the first bytes of the graph", async () => {
    const bytes = concatChunks(encodeModel(reluModel()).chunks);
    for (let length = 6; length < bytes.length; length++) expect(await sniff(bytes.subarray(0, length))).toBe(true);
  });

  test("with the operator sets before the graph, and without a graph read", async () => {
    const writer = new BinaryWriter().tag(1, WireType.Varint).int64(7).tag(8, WireType.LengthDelimited).bytes(Uint8Array.of(0x10, 13));
    expect(await sniff(writer.tag(7, WireType.LengthDelimited).bytes(new Uint8Array(0)).finish())).toBe(true);
  });
});

describe("other files are not claimed", () => {
  const empty = new Uint8Array(0);
  const field = (writer: BinaryWriter, number: number, bytes: Uint8Array) => writer.tag(number, WireType.LengthDelimited).bytes(bytes);
  const cases: readonly [what: string, bytes: Uint8Array][] = [
    ["an empty file", empty],
    ["a zip archive", ascii("PK\u0003\u0004\u0014\u0000\u0008\u0008\u0000\u0000")],
    ["a safetensors file with a header of 58 bytes", Uint8Array.of(0x3a, 0, 0, 0, 0, 0, 0, 0, 0x7b, 0x22)],
    ["an npy array", Uint8Array.of(0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0)],
    ["an HDF5 file", Uint8Array.of(0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a)],
    ["a PNG image", Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a)],
    ["a pickle", Uint8Array.of(0x80, 2, 0x8a, 10, 0x6c, 0xfc)],
    ["text", ascii("# Read me\nThis is no model.\n")],
    ["JSON", ascii('{"a": [1, 2, 3]}')],
    ["a tensor of ONNX", Uint8Array.of(0x08, 2, 0x10, 1, 0x4a, 8, 0, 0, 0, 0, 0, 0, 0, 0)],
    ["Caffe weights: a name, then layers", field(field(new BinaryWriter(), 1, ascii("net")), 100, new Uint8Array(20)).finish()],
    ["a TensorFlow SavedModel: version 1, then one graph", field(new BinaryWriter().tag(1, 0).int64(1), 2, new Uint8Array(300)).finish()],
    [
      "a Core ML model: version, description, network",
      field(field(new BinaryWriter().tag(1, 0).int64(4), 2, new Uint8Array(30)), 500, new Uint8Array(90)).finish(),
    ],
    ["a graph without a version", field(new BinaryWriter(), 7, empty).finish()],
    ["a version beyond 255", field(new BinaryWriter().tag(1, 0).int64(256), 7, empty).finish()],
    ["a graph that does not begin like one", field(new BinaryWriter().tag(1, 0).int64(7), 7, ascii("hello")).finish()],
    ["endless operator sets", Uint8Array.from([8, 7, ...Array.from({ length: 100 }, () => [0x42, 0]).flat(), 0x3a, 0])],
    ["a varint without end", new Uint8Array(100).fill(0x88)],
  ];
  test.each(cases)("%s", async (_what, bytes) => {
    expect(await sniff(bytes)).toBe(false);
  });

  test("nor does any file make it throw", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 64 }), async (bytes) => {
        expect(typeof (await sniff(bytes))).toBe("boolean");
      }),
      { numRuns: 1000 },
    );
  });
});
