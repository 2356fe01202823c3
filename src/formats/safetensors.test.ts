import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { sharedPath, titleNeeding } from "../../test/shared.js";
import { concat, u64 } from "../../test/weight-fixtures.js";
import type { DType, TensorData } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";
import { safetensors } from "../weights/containers/safetensors.js";
import { bytesSource } from "./byte-source.js";
import { encodeSafetensors, readSafetensorsHeader, type SafetensorsParts } from "./safetensors.js";

/** `safetensors.numpy.save(TENSORS, metadata={"format": "np"})` of the Python package safetensors 0.8.0. */
const PYTHON_FILE = Buffer.from(
  "SAMAAAAAAAB7Il9fbWV0YWRhdGFfXyI6eyJmb3JtYXQiOiJucCJ9LCJ1NjQiOnsiZHR5cGUiOiJVNjQiLCJzaGFwZSI6WzFdLCJkYXRhX29mZnNldHMiOlswLDhdfSwiaTY0Ijp7ImR0eXBlIjoiSTY0Iiwic2hhcGUiOlsyXSwiZGF0YV9vZmZzZXRzIjpbOCwyNF19LCJmNjQiOnsiZHR5cGUiOiJGNjQiLCJzaGFwZSI6WzJdLCJkYXRhX29mZnNldHMiOlsyNCw0MF19LCJlbXB0eSI6eyJkdHlwZSI6IkYzMiIsInNoYXBlIjpbMCwzXSwiZGF0YV9vZmZzZXRzIjpbNDAsNDBdfSwiZjMyIjp7ImR0eXBlIjoiRjMyIiwic2hhcGUiOlsyLDJdLCJkYXRhX29mZnNldHMiOls0MCw1Nl19LCJ1MzIiOnsiZHR5cGUiOiJVMzIiLCJzaGFwZSI6WzFdLCJkYXRhX29mZnNldHMiOls1Niw2MF19LCJpMzIiOnsiZHR5cGUiOiJJMzIiLCJzaGFwZSI6W10sImRhdGFfb2Zmc2V0cyI6WzYwLDY0XX0sImYxNiI6eyJkdHlwZSI6IkYxNiIsInNoYXBlIjpbMl0sImRhdGFfb2Zmc2V0cyI6WzY0LDY4XX0sInUxNiI6eyJkdHlwZSI6IlUxNiIsInNoYXBlIjpbMV0sImRhdGFfb2Zmc2V0cyI6WzY4LDcwXX0sImkxNiI6eyJkdHlwZSI6IkkxNiIsInNoYXBlIjpbMV0sImRhdGFfb2Zmc2V0cyI6WzcwLDcyXX0sImk4Ijp7ImR0eXBlIjoiSTgiLCJzaGFwZSI6WzFdLCJkYXRhX29mZnNldHMiOls3Miw3M119LCJ1OCI6eyJkdHlwZSI6IlU4Iiwic2hhcGUiOlsxXSwiZGF0YV9vZmZzZXRzIjpbNzMsNzRdfSwiw7xuw68gXCJxXCJcbiI6eyJkdHlwZSI6IlU4Iiwic2hhcGUiOlsxXSwiZGF0YV9vZmZzZXRzIjpbNzQsNzVdfSwiYm9vbCI6eyJkdHlwZSI6IkJPT0wiLCJzaGFwZSI6WzNdLCJkYXRhX29mZnNldHMiOls3NSw3OF19fSAAAAAAAAAAgAAAAAAAAQAA+/////////+amZmZmZm5P5x1AIg85Df+AADAPwAAAMAAAIA+AABAQP////8HAAAAAD7/e///1P6A/wEBAAE=",
  "base64",
);

const TENSORS: Readonly<Record<string, Tensor>> = {
  f64: { dtype: "float64", shape: [2], data: Float64Array.of(0.1, -1e300) },
  f32: { dtype: "float32", shape: [2, 2], data: Float32Array.of(1.5, -2, 0.25, 3) },
  f16: { dtype: "float16", shape: [2], data: Uint16Array.of(0x3e00, 0x7bff) },
  i64: { dtype: "int64", shape: [2], data: BigInt64Array.of(2n ** 40n, -5n) },
  u64: { dtype: "uint64", shape: [1], data: BigUint64Array.of(2n ** 63n) },
  i32: { dtype: "int32", shape: [], data: Int32Array.of(7) },
  u32: { dtype: "uint32", shape: [1], data: Uint32Array.of(4294967295) },
  i16: { dtype: "int16", shape: [1], data: Int16Array.of(-300) },
  u16: { dtype: "uint16", shape: [1], data: Uint16Array.of(65535) },
  i8: { dtype: "int8", shape: [1], data: Int8Array.of(-128) },
  u8: { dtype: "uint8", shape: [1], data: Uint8Array.of(255) },
  bool: { dtype: "bool", shape: [3], data: Uint8Array.of(1, 0, 1) },
  empty: { dtype: "float32", shape: [0, 3], data: new Float32Array(0) },
  'ünï "q"\n': { dtype: "uint8", shape: [1], data: Uint8Array.of(1) },
};

const byte: Tensor = { dtype: "uint8", shape: [1], data: Uint8Array.of(255) };

function joined({ header, chunks }: SafetensorsParts): Uint8Array {
  return concat(header, ...chunks);
}

async function readAll(bytes: Uint8Array): Promise<Map<string, Tensor>> {
  const { tensors } = await safetensors.open(bytesSource("x.safetensors", bytes));
  const read = new Map<string, Tensor>();
  for (const entry of tensors.values()) read.set(entry.name, await entry.read());
  return read;
}

describe("against the format's own writer", () => {
  it("reads every element type", async () => {
    expect(Object.fromEntries(await readAll(PYTHON_FILE))).toEqual(TENSORS);
    const { metadata } = await safetensors.open(bytesSource("x", PYTHON_FILE));
    expect(metadata).toEqual({ format: "np" });
  });

  it("writes the same bytes, whatever the order of the tensors", () => {
    for (const tensors of [Object.entries(TENSORS), Object.entries(TENSORS).toReversed()]) {
      const parts = encodeSafetensors(tensors, { format: "np" });
      expect(Buffer.from(joined(parts)).equals(PYTHON_FILE)).toBe(true);
      expect(parts.byteLength).toBe(PYTHON_FILE.byteLength);
    }
  });

  const bvlc = sharedPath("data/googlenet_bvlc/bvlc_googlenet.safetensors");
  it.skipIf(bvlc === null)(titleNeeding("opens a whole GoogLeNet", bvlc, "data/googlenet_bvlc"), async () => {
    const { metadata, tensors } = await safetensors.open(bytesSource("bvlc", readFileSync(bvlc ?? "")));
    expect(metadata).toMatchObject({ source: "BVLC GoogLeNet, Caffe model zoo", layout: "OIHW" });
    // 57 convolutions and one classifier, each with weight and bias; 6,998,552 parameters without the auxiliary heads.
    expect(tensors.size).toBe(116);
    const elements = [...tensors.values()].map(({ shape }) => shape.reduce((product, dim) => product * dim, 1));
    expect(elements.reduce((sum, count) => sum + count)).toBe(6_998_552);
  });
});

describe("writing", () => {
  it("does not copy the tensors", () => {
    const data = new Float32Array(1000);
    const { chunks } = encodeSafetensors([["a", { dtype: "float32", shape: [1000], data }]]);
    expect(chunks[0]?.buffer).toBe(data.buffer);
  });

  it("round trips any names, metadata, types and shapes", async () => {
    const create: Readonly<Record<DType, (count: number) => TensorData>> = {
      float64: (n) => new Float64Array(n).fill(-0.5),
      float32: (n) => new Float32Array(n).fill(1.25),
      float16: (n) => new Uint16Array(n).fill(0x3c00),
      bfloat16: (n) => new Uint16Array(n).fill(0x3f80),
      int64: (n) => new BigInt64Array(n).fill(-9n),
      uint64: (n) => new BigUint64Array(n).fill(9n),
      int32: (n) => new Int32Array(n).fill(-7),
      uint32: (n) => new Uint32Array(n).fill(7),
      int16: (n) => new Int16Array(n).fill(-3),
      uint16: (n) => new Uint16Array(n).fill(3),
      int8: (n) => new Int8Array(n).fill(-1),
      uint8: (n) => new Uint8Array(n).fill(1),
      bool: (n) => new Uint8Array(n).fill(1),
    };
    const tensor = fc
      .record({
        dtype: fc.constantFrom<DType>(
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
        ),
        shape: fc.array(fc.nat(4), { maxLength: 4 }),
      })
      .map(({ dtype, shape }): Tensor => ({ dtype, shape, data: create[dtype](shape.reduce((product, dim) => product * dim, 1)) }));
    const name = fc.oneof(fc.string({ unit: "grapheme" }), fc.constantFrom("__proto__", "constructor", "toString", ""));
    const text = fc.string({ unit: "grapheme" });
    const metadata = fc.uniqueArray(fc.tuple(text, text), { selector: ([key]) => key, maxLength: 4 });
    const tensors = fc.uniqueArray(fc.tuple(name, tensor), { selector: ([key]) => key, maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(tensors, metadata, async (given, notes) => {
        const parts = encodeSafetensors(given, Object.fromEntries(notes));
        expect(parts.header.byteLength % 8).toBe(0);
        const bytes = joined(parts);
        expect(await readAll(bytes)).toEqual(new Map(given));
        const header = await readSafetensorsHeader(bytesSource("x", bytes));
        expect(header.metadata).toEqual(new Map(notes));
      }),
      { numRuns: 200 },
    );
  });

  it.each<[string, [string, Tensor][], Record<string, string>, string, string]>([
    [
      "the reserved name",
      [["__metadata__", byte]],
      {},
      "OPTION_INVALID",
      'Cannot write tensor "__metadata__" as safetensors: the name is reserved for metadata',
    ],
    [
      "a name twice",
      [
        ["a", byte],
        ["a", byte],
      ],
      {},
      "OPTION_INVALID",
      'Cannot write tensor "a" as safetensors: another tensor has the same name',
    ],
    [
      "a shape that does not fit",
      [["a", { dtype: "uint8", shape: [2, 3], data: new Uint8Array(5) }]],
      {},
      "SHAPE_INVALID",
      'Cannot write tensor "a" as safetensors: shape [2, 3] does not match its 5 elements',
    ],
    [
      "half a character",
      [],
      { a: "\ud800" },
      "OPTION_INVALID",
      'Cannot write "\ud800" into a safetensors header: it contains an unpaired surrogate',
    ],
    [
      "a huge header",
      [],
      { a: "x".repeat(9_000_000) },
      "FILE_LIMIT",
      "Cannot write a safetensors header of 9,000,032 bytes: the limit is 8,388,608",
    ],
  ])("refuses %s", (_, tensors, metadata, code, message) => {
    expect(() => encodeSafetensors(tensors, metadata)).toThrow(expect.objectContaining({ code, message }));
  });
});

describe("refuses a header with", () => {
  const entry = (dtype: string, shape: string, offsets: string) => `{"dtype":"${dtype}","shape":${shape},"data_offsets":${offsets}}`;
  const float = (shape: string, offsets: string) => entry("F32", shape, offsets);
  const dtypes = "U64, I64, F64, F32, U32, I32, BF16, F16, U16, I16, I8, U8, BOOL";

  it.each([
    [
      "a tensor behind the end",
      `{"a":${float("[3]", "[0,12]")}}`,
      8,
      'Cannot read tensor "a" of "x": data_offsets end at 12, file data has 8 bytes',
    ],
    [
      "a wrong span",
      `{"a":${float("[3]", "[0,8]")}}`,
      8,
      'Cannot read tensor "a" of "x": float32 [3] needs 12 bytes, data_offsets span 8 bytes',
    ],
    [
      "overlapping tensors",
      `{"a":${float("[2]", "[0,8]")},"b":${float("[2]", "[4,12]")}}`,
      12,
      'Cannot read tensor "b" of "x": data starts at 4, inside another tensor that ends at 8',
    ],
    [
      "a hole",
      `{"a":${float("[1]", "[0,4]")},"b":${float("[1]", "[8,12]")}}`,
      12,
      'Cannot read tensor "b" of "x": data starts at 8, leaving a gap after 4',
    ],
    [
      "bytes of no tensor",
      `{"a":${float("[1]", "[0,4]")}}`,
      9,
      'Cannot read safetensors file "x": the tensors cover 4 bytes of data, the file has 9',
    ],
    [
      "a negative dimension",
      `{"a":${float("[-1]", "[0,4]")}}`,
      4,
      'Cannot read tensor "a" of "x": shape must be a list of at most 64 integers in [0, 2^53)',
    ],
    [
      "a fraction",
      `{"a":${float("[1.5]", "[0,4]")}}`,
      4,
      'Cannot read tensor "a" of "x": shape must be a list of at most 64 integers in [0, 2^53)',
    ],
    [
      "too many dimensions",
      `{"a":${float(`[${"1,".repeat(64)}1]`, "[0,4]")}}`,
      4,
      'Cannot read tensor "a" of "x": shape must be a list of at most 64 integers in [0, 2^53)',
    ],
    [
      "a product beyond counting",
      `{"a":${float("[4294967296,4294967296]", "[0,4]")}}`,
      4,
      'Cannot read tensor "a" of "x": float32 [4294967296, 4294967296] needs 2^53 bytes or more, data_offsets span 4 bytes',
    ],
    [
      "a product whose bytes are beyond counting",
      `{"a":${entry("F64", "[4503599627370496]", "[0,8]")}}`,
      8,
      'Cannot read tensor "a" of "x": float64 [4503599627370496] needs 2^53 bytes or more, data_offsets span 8 bytes',
    ],
    [
      "offsets backwards",
      `{"a":${float("[1]", "[4,0]")}}`,
      4,
      'Cannot read tensor "a" of "x": data_offsets must be two integers [begin, end] with 0 <= begin <= end',
    ],
    [
      "an 8-bit float",
      `{"a":${entry("F8_E4M3", "[4]", "[0,4]")}}`,
      4,
      `Cannot read tensor "a" of "x": dtype "F8_E4M3" is not supported, supported are ${dtypes}`,
    ],
    [
      "a dtype that is no text",
      '{"a":{"dtype":4,"shape":[],"data_offsets":[0,4]}}',
      4,
      'Cannot read tensor "a" of "x": dtype must be a string',
    ],
    [
      "an unknown key",
      '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"__proto__":1}}',
      4,
      'Cannot read tensor "a" of "x": unknown key "__proto__", known are dtype, shape, data_offsets',
    ],
    ["a tensor that is a number", '{"a":1}', 0, 'Cannot read tensor "a" of "x": its header entry is not a JSON object'],
    ["metadata that is a list", '{"__metadata__":[]}', 0, 'Cannot read safetensors file "x": __metadata__ is not a JSON object'],
    ["metadata that is no text", '{"__metadata__":{"a":1}}', 0, 'Cannot read safetensors file "x": __metadata__ entry "a" is not a string'],
    [
      "a tensor twice",
      `{"a":${float("[1]", "[0,4]")},"a":${float("[1]", "[0,4]")}}`,
      4,
      'Cannot read the header of "x" as JSON: key "a" is repeated at character 54',
    ],
    ["a list instead of an object", "[1]", 0, 'Cannot read safetensors file "x": the header does not start with {'],
    ["something behind the object", "{} {", 0, 'Cannot read the header of "x" as JSON: expected the end of the text at character 3'],
    ["control characters in names", '{"a\\u001b[2J\\n":1}', 0, 'Cannot read tensor "a [2J " of "x": its header entry is not a JSON object'],
  ])("%s", async (_, header, dataBytes, message) => {
    const bytes = concat(u64(header.length), new TextEncoder().encode(header), new Uint8Array(dataBytes));
    await expect(readSafetensorsHeader(bytesSource("x", bytes))).rejects.toMatchObject({ message });
  });

  it.each<[string, Uint8Array, string, string]>([
    [
      "a length of 2^60",
      concat(u64(2n ** 60n), [0x7b]),
      "FILE_LIMIT",
      'Cannot read safetensors file "x": header length is 1,152,921,504,606,846,976 bytes, the limit is 8,388,608',
    ],
    [
      "a length behind the end",
      concat(u64(100), [0x7b, 0x7d]),
      "FILE_TRUNCATED",
      'Cannot read safetensors file "x": header ends at byte 108, the file has 10',
    ],
    [
      "no room for a length",
      Uint8Array.of(1, 2, 3),
      "FILE_TRUNCATED",
      'Cannot read safetensors file "x": it has 3 bytes, the header length alone takes 8',
    ],
    [
      "text that is not UTF-8",
      concat(u64(3), [0x7b, 0xff, 0x7d]),
      "FILE_CORRUPT",
      'Cannot read safetensors file "x": the header is not UTF-8',
    ],
  ])("%s", async (_, bytes, code, message) => {
    await expect(readSafetensorsHeader(bytesSource("x", bytes))).rejects.toMatchObject({ code, message });
  });
});
