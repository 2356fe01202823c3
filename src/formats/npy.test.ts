import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { sharedPath, titleNeeding } from "../../test/shared.js";
import { concat, u16 } from "../../test/weight-fixtures.js";
import { InceptionError } from "../errors.js";
import type { Tensor } from "../tensor/tensor.js";
import { bytesSource } from "./byte-source.js";
import { encodeNpy, openNpy } from "./npy.js";

/** Written by NumPy 2.4.6: numpy.save, or numpy.lib.format.write_array where a version is named. */
const NUMPY = {
  rowMajor:
    "k05VTVBZAQB2AHsnZGVzY3InOiAnPGY0JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDIsIDMpLCB9ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAAAAACAPwAAAEAAAEBAAACAQAAAoEA=",
  columnMajor:
    "k05VTVBZAQB2AHsnZGVzY3InOiAnPGY0JywgJ2ZvcnRyYW5fb3JkZXInOiBUcnVlLCAnc2hhcGUnOiAoMiwgMyksIH0gICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAAAAABAQAAAgD8AAIBAAAAAQAAAoEA=",
  columnMajor3:
    "k05VTVBZAQB2AHsnZGVzY3InOiAnfHUxJywgJ2ZvcnRyYW5fb3JkZXInOiBUcnVlLCAnc2hhcGUnOiAoMiwgMywgNCksIH0gICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoADAQQCBQBDQURCRUCDgYSChYDDwcTCxc=",
  scalar:
    "k05VTVBZAQB2AHsnZGVzY3InOiAnPGY4JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKCksIH0gICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAAAAAAEQA==",
  version2:
    "k05VTVBZAgB0AAAAeydkZXNjcic6ICc8aTgnLCAnZm9ydHJhbl9vcmRlcic6IEZhbHNlLCAnc2hhcGUnOiAoMiwgMyksIH0gICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAAAAAAAAAEAAAAAAAAAAgAAAAAAAAADAAAAAAAAAAQAAAAAAAAABQAAAAAAAAA=",
  version3:
    "k05VTVBZAwB0AAAAeydkZXNjcic6ICc8ZjInLCAnZm9ydHJhbl9vcmRlcic6IEZhbHNlLCAnc2hhcGUnOiAoMiwgMyksIH0gICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAA8AEAAQgBEAEU=",
  empty:
    "k05VTVBZAQB2AHsnZGVzY3InOiAnfGIxJywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDAsIDQpLCB9ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAo=",
  bigEndian:
    "k05VTVBZAQB2AHsnZGVzY3InOiAnPmY0JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDIsIDMpLCB9ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAAAP4AAAEAAAABAQAAAQIAAAECgAAA=",
  objects:
    "k05VTVBZAQB2AHsnZGVzY3InOiAnfE8nLCAnZm9ydHJhbl9vcmRlcic6IEZhbHNlLCAnc2hhcGUnOiAoMiwpLCB9ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAqABJWOAAAAAAAAAIwWbnVtcHkuX2NvcmUubXVsdGlhcnJheZSMDF9yZWNvbnN0cnVjdJSTlIwFbnVtcHmUjAduZGFycmF5lJOUSwCFlEMBYpSHlFKUKEsBSwKFlGgDjAVkdHlwZZSTlIwCTziUiYiHlFKUKEsDjAF8lE5OTkr/////Sv////9LP3SUYoldlCh9lEsBZXSUYi4=",
  recordWithObjects:
    "k05VTVBZAQB2AHsnZGVzY3InOiBbKCdhJywgJzxmNCcpLCAoJ2InLCAnfE8nKV0sICdmb3J0cmFuX29yZGVyJzogRmFsc2UsICdzaGFwZSc6ICgyLCksIH0gICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAqABJUBAQAAAAAAAIwWbnVtcHkuX2NvcmUubXVsdGlhcnJheZSMDF9yZWNvbnN0cnVjdJSTlIwFbnVtcHmUjAduZGFycmF5lJOUSwCFlEMBYpSHlFKUKEsBSwKFlGgDjAVkdHlwZZSTlIwDVjEylImIh5RSlChLA4wBfJROjAFhlIwBYpSGlH2UKGgRaAyMAmY0lImIh5RSlChLA4wBPJROTk5K/////0r/////SwB0lGJLAIaUaBJoDIwCTziUiYiHlFKUKEsDaBBOTk5K/////0r/////Sz90lGJLBIaUdUsMSwFLG3SUYoldlChHAAAAAAAAAABLAIaURwAAAAAAAAAASwCGlGV0lGIu",
  record:
    "k05VTVBZAQB2AHsnZGVzY3InOiBbKCdhJywgJzxmNCcpXSwgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDIsKSwgfSAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAAAAAAAAA==",
  complex:
    "k05VTVBZAQB2AHsnZGVzY3InOiAnPGM4JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDIsIDMpLCB9ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAAAAAAAAAAAgD8AAAAAAAAAQAAAAAAAAEBAAAAAAAAAgEAAAAAAAACgQAAAAAA=",
  text: "k05VTVBZAQB2AHsnZGVzY3InOiAnPFUyJywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDEsKSwgfSAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAphAAAAYgAAAA==",
} as const;

function fromNumpy(name: keyof typeof NUMPY): Uint8Array {
  return Buffer.from(NUMPY[name], "base64");
}

function withHeader(header: string, data = new Uint8Array(0)): Uint8Array {
  return concat([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0], u16(header.length), new TextEncoder().encode(header), data);
}

const MATRIX = Float32Array.of(0, 1, 2, 3, 4, 5);

describe("what NumPy writes", () => {
  it.each<[keyof typeof NUMPY, Tensor]>([
    ["rowMajor", { dtype: "float32", shape: [2, 3], data: MATRIX }],
    ["columnMajor", { dtype: "float32", shape: [2, 3], data: MATRIX }],
    ["columnMajor3", { dtype: "uint8", shape: [2, 3, 4], data: Uint8Array.from({ length: 24 }, (_, index) => index) }],
    ["scalar", { dtype: "float64", shape: [], data: Float64Array.of(2.5) }],
    ["version2", { dtype: "int64", shape: [2, 3], data: BigInt64Array.of(0n, 1n, 2n, 3n, 4n, 5n) }],
    ["version3", { dtype: "float16", shape: [2, 3], data: Uint16Array.of(0, 0x3c00, 0x4000, 0x4200, 0x4400, 0x4500) }],
    ["empty", { dtype: "bool", shape: [0, 4], data: new Uint8Array(0) }],
  ])("%s is read", async (name, tensor) => {
    expect(await openNpy(bytesSource("x.npy", fromNumpy(name)))).toEqual(tensor);
  });

  it.each<[keyof typeof NUMPY, Tensor]>([
    ["rowMajor", { dtype: "float32", shape: [2, 3], data: MATRIX }],
    ["scalar", { dtype: "float64", shape: [], data: Float64Array.of(2.5) }],
    ["empty", { dtype: "bool", shape: [0, 4], data: new Uint8Array(0) }],
  ])("%s is written byte for byte", (name, tensor) => {
    expect(Buffer.from(encodeNpy(tensor)).equals(fromNumpy(name))).toBe(true);
  });

  const types = "<f8, <f4, <f2, <i8, <u8, <i4, <u4, <i2, <u2, |i1, |u1, |b1";
  it.each<[keyof typeof NUMPY, string, string]>([
    ["bigEndian", "FILE_UNSUPPORTED", `element type ">f4" is not supported, supported are ${types}`],
    ["complex", "FILE_UNSUPPORTED", `element type "<c8" is not supported, supported are ${types}`],
    ["text", "FILE_UNSUPPORTED", `element type "<U2" is not supported, supported are ${types}`],
    ["record", "FILE_UNSUPPORTED", `element type "('a', '<f4')" is not supported, supported are ${types}`],
    [
      "objects",
      "FILE_UNSAFE",
      "it contains pickled Python objects, which are never loaded; save plain arrays, as safetensors or one .npy each",
    ],
    [
      "recordWithObjects",
      "FILE_UNSAFE",
      "it contains pickled Python objects, which are never loaded; save plain arrays, as safetensors or one .npy each",
    ],
  ])("%s is refused", async (name, code, fact) => {
    const message = `Cannot read NumPy file "x.npy": ${fact}`;
    await expect(openNpy(bytesSource("x.npy", fromNumpy(name)))).rejects.toMatchObject({ code, message });
  });
});

describe("real files", () => {
  const input = sharedPath("data/facenet_vggface2/input_5x3x160x160_uint8.npy");
  it.skipIf(input === null)(titleNeeding("face crops, uint8", input, "data/facenet_vggface2"), async () => {
    const bytes = readFileSync(input ?? "");
    const tensor = await openNpy(bytesSource("x.npy", bytes));
    expect(tensor).toMatchObject({ dtype: "uint8", shape: [5, 3, 160, 160] });
    expect(Buffer.from(encodeNpy(tensor)).equals(bytes)).toBe(true);
  });

  const embedding = sharedPath("data/facenet_vggface2/embedding_5x512.npy");
  it.skipIf(embedding === null)(titleNeeding("embeddings of unit length", embedding, "data/facenet_vggface2"), async () => {
    const { dtype, shape, data } = await openNpy(bytesSource("x.npy", readFileSync(embedding ?? "")));
    expect({ dtype, shape }).toEqual({ dtype: "float32", shape: [5, 512] });
    const norm = Math.hypot(...Array.from(data.subarray(0, 512), Number));
    expect(norm).toBeCloseTo(1, 5);
  });

  const objects = sharedPath("data/model_formats/facenet_det1.npy");
  it.skipIf(objects === null)(titleNeeding("a pickled dict is refused", objects, "data/model_formats"), async () => {
    await expect(openNpy(bytesSource("det1.npy", readFileSync(objects ?? "")))).rejects.toMatchObject({
      code: "FILE_UNSAFE",
      message:
        'Cannot read NumPy file "det1.npy": it contains pickled Python objects, which are never loaded; save plain arrays, as safetensors or one .npy each',
    });
  });
});

describe("headers", () => {
  it("are read in any order of keys, with Python 2's long integers", async () => {
    const file = withHeader("{'shape': (2L, 1), 'fortran_order': False, 'descr': '|u1'}\n", Uint8Array.of(7, 8));
    expect(await openNpy(bytesSource("x.npy", file))).toEqual({ dtype: "uint8", shape: [2, 1], data: Uint8Array.of(7, 8) });
  });

  const dict = "its header is not a dict of descr, fortran_order and shape: ";
  it.each<[string, Uint8Array, string, string]>([
    ["other magic", new Uint8Array(20), "FILE_UNRECOGNIZED", "it does not start with NumPy's magic bytes"],
    [
      "version 9",
      concat([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 9, 0], new Uint8Array(9)),
      "FILE_UNSUPPORTED",
      "its format version is 9, supported are 1 to 3",
    ],
    [
      "a length of 2^32 - 1",
      Uint8Array.of(0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 2, 0, 255, 255, 255, 255),
      "FILE_LIMIT",
      "its header has 4,294,967,295 bytes, the limit is 10,000",
    ],
    [
      "nothing behind the version",
      Uint8Array.of(0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0),
      "FILE_TRUNCATED",
      "its header ends at byte 10, the file has 8",
    ],
    [
      "an expression",
      withHeader("{'descr': '<f4', 'fortran_order': False, 'shape': (9**9,), }"),
      "FILE_CORRUPT",
      `${dict}"{'descr': '<f4', 'fortran_order': False, 'shape': (9**9,), }"`,
    ],
    ["a call", withHeader("__import__('os').system('x')"), "FILE_CORRUPT", `${dict}"__import__('os').system('x')"`],
    ["a missing key", withHeader("{'descr': '<f4', 'shape': (1,), }"), "FILE_CORRUPT", `${dict}"{'descr': '<f4', 'shape': (1,), }"`],
    ["a key twice", withHeader("{'descr': '<f4', 'descr': '<f4', }"), "FILE_CORRUPT", 'its header has "descr" twice'],
    [
      "text behind the dict",
      withHeader("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), } + 1"),
      "FILE_CORRUPT",
      `${dict}"{'descr': '<f4', 'fortran_order': False, 'shape': (1,), } + 1"`,
    ],
    [
      "a shape beyond counting",
      withHeader("{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296), }"),
      "FILE_CORRUPT",
      "shape has more than 64 dimensions, or 2^53 elements or more",
    ],
    [
      "a shape beyond the file",
      withHeader("{'descr': '<f4', 'fortran_order': True, 'shape': (1000000, 1000000), }"),
      "FILE_TRUNCATED",
      "float32 [1000000, 1000000] needs 4000000000000 bytes, the file has 0 after its header",
    ],
    [
      "more data than shape",
      withHeader("{'descr': '|u1', 'fortran_order': False, 'shape': (1,), }", new Uint8Array(5)),
      "FILE_CORRUPT",
      "uint8 [1] needs 1 bytes, the file has 5 after its header",
    ],
  ])("with %s are refused", async (_, bytes, code, fact) => {
    const message = `Cannot read NumPy file "x.npy": ${fact}`;
    await expect(openNpy(bytesSource("x.npy", bytes))).rejects.toMatchObject({ code, message });
  });

  it.each<[string, Tensor, string, string]>([
    [
      "bfloat16",
      { dtype: "bfloat16", shape: [1], data: Uint16Array.of(0) },
      "OPTION_INVALID",
      "Cannot write a bfloat16 tensor as .npy: NumPy has no such type; convert it to float32 first",
    ],
    [
      "a wrong shape",
      { dtype: "uint8", shape: [2], data: Uint8Array.of(0) },
      "SHAPE_INVALID",
      "Cannot write a tensor as .npy: shape [2] does not match its 1 elements",
    ],
  ])("cannot be written for %s", (_, tensor, code, message) => {
    expect(() => encodeNpy(tensor)).toThrow(expect.objectContaining({ code, message }));
  });
});

describe("mutated files", () => {
  it("are read or refused with a typed error", async () => {
    const files = fc.constantFrom(...(Object.keys(NUMPY) as (keyof typeof NUMPY)[])).map(fromNumpy);
    const edits = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(files, edits, fc.option(fc.nat()), async (original, changes, cut) => {
        const bytes = Uint8Array.from(cut === null ? original : original.subarray(0, cut % original.length));
        for (const [at, value] of changes) if (bytes.length > 0) bytes[at % bytes.length] = value;
        try {
          expect((await openNpy(bytesSource("x.npy", bytes))).data.byteLength).toBeLessThanOrEqual(bytes.length);
        } catch (error) {
          if (!(error instanceof InceptionError)) throw error;
          expect(error.message).not.toContain("\n");
        }
      }),
      { numRuns: 1000 },
    );
  });
});
