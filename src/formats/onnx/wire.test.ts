import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { InceptionError } from "../../errors.js";
import type { OnnxInt } from "./types.js";
import { copyVarints, MessageReader, openWire } from "./wire.js";

function readerOf(bytes: Uint8Array): MessageReader {
  return new MessageReader(openWire("a.onnx", bytes), { start: 0, end: bytes.byteLength }, "model");
}

/** The cursor at the first field of a message. */
function atField(bytes: Uint8Array): MessageReader {
  const reader = readerOf(bytes);
  expect(reader.next()).toBe(true);
  return reader;
}

function errorOf(run: () => unknown): { code: string; message: string } {
  try {
    run();
  } catch (error) {
    if (error instanceof InceptionError) return { code: error.code, message: error.message };
    throw error;
  }
  throw new Error("expected an error");
}

const INT64 = fc.oneof(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), fc.bigInt({ min: -(2n ** 33n), max: 2n ** 33n }));

describe("numbers, against the library's writer", () => {
  test("int64: a number where it is exact, a bigint beyond", () => {
    fc.assert(
      fc.property(INT64, (value) => {
        const read = atField(new BinaryWriter().tag(1, WireType.Varint).int64(value).finish()).int();
        expect(BigInt(read)).toBe(value);
        expect(typeof read).toBe(Number.isSafeInteger(Number(value)) ? "number" : "bigint");
      }),
      { numRuns: 500 },
    );
  });

  test("int32 and float", () => {
    fc.assert(
      fc.property(fc.integer(), fc.float(), (integer, number) => {
        expect(atField(new BinaryWriter().tag(2, WireType.Varint).int32(integer).finish()).int32()).toBe(integer);
        expect(atField(new BinaryWriter().tag(2, WireType.Bit32).float(number).finish()).float()).toBe(number);
      }),
    );
  });

  test("lists, packed and not, in one field", () => {
    fc.assert(
      fc.property(fc.array(INT64), fc.array(INT64), fc.array(fc.float()), (unpacked, packed, floats) => {
        const writer = new BinaryWriter();
        for (const value of unpacked) writer.tag(7, WireType.Varint).int64(value);
        writer.tag(7, WireType.LengthDelimited).fork();
        for (const value of packed) writer.int64(value);
        writer.join().tag(8, WireType.LengthDelimited).fork();
        for (const value of floats) writer.float(value);
        const reader = readerOf(writer.join().tag(8, WireType.Bit32).float(0.5).finish());
        const ints: OnnxInt[] = [];
        const numbers: number[] = [];
        while (reader.next()) {
          if (reader.field === 7) reader.ints(ints);
          else reader.floats(numbers);
        }
        expect(ints.map(BigInt)).toEqual([...unpacked, ...packed]);
        expect(numbers).toEqual([...floats, 0.5]);
      }),
    );
  });

  test("varints as elements of 1 to 8 bytes", () => {
    fc.assert(
      fc.property(fc.array(INT64), fc.constantFrom(1, 2, 4, 8), (values, width) => {
        const writer = new BinaryWriter().tag(5, WireType.LengthDelimited).fork();
        for (const value of values) writer.int64(value);
        const bytes = writer.join().finish();
        const file = openWire("a.onnx", bytes);
        const reader = new MessageReader(file, { start: 0, end: bytes.byteLength }, "tensor");
        reader.next();
        const span = reader.numbers(null);
        expect(span.count).toBe(values.length);
        const out = new Uint8Array(values.length * width);
        copyVarints(file, span, width, out, 0);
        const expected = new Uint8Array(values.flatMap((value) => [...new Uint8Array(BigInt64Array.of(value).buffer, 0, width)]));
        expect(out).toEqual(expected);
      }),
    );
  });
});

describe("text", () => {
  test("short and long, ASCII and not, a byte order mark kept", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: "grapheme", maxLength: 80 }), fc.constant("\ufeffx")), (text) => {
        expect(atField(new BinaryWriter().tag(1, WireType.LengthDelimited).string(text).finish()).string()).toBe(text);
      }),
    );
  });

  test("that is not UTF-8 is refused", () => {
    expect(errorOf(() => atField(Uint8Array.of(0x0a, 2, 0xc3, 0x28)).string())).toEqual({
      code: "FILE_CORRUPT",
      message: 'Cannot read model of "a.onnx": field 1 contains text that is not UTF-8',
    });
  });
});

describe("what is wrong is refused with its place", () => {
  const cases: readonly [what: string, bytes: readonly number[], run: (reader: MessageReader) => unknown, code: string, fact: string][] = [
    ["a length beyond the end", [0x0a, 5, 1, 2], (r) => r.bytes(), "FILE_TRUNCATED", "field 1 takes 5 bytes from byte 2, 2 remain"],
    [
      "a length of 2^32 + 1, which a 32-bit reader takes for 1",
      [0x0a, 0x81, 0x80, 0x80, 0x80, 0x10, 9],
      (r) => r.bytes(),
      "FILE_TRUNCATED",
      "field 1 takes 4294967297 bytes from byte 6, 1 remain",
    ],
    ["a number without its last byte", [0x08, 0x80], (r) => r.int(), "FILE_TRUNCATED", "the number at byte 1 has no last byte"],
    ["a number missing", [0x08], (r) => r.int(), "FILE_TRUNCATED", "the number at byte 1 has no last byte"],
    [
      "a number of 65 bits",
      [0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02],
      (r) => r.int(),
      "FILE_CORRUPT",
      "the number that ends at byte 11 has more than 64 bits",
    ],
    [
      "a number of eleven bytes",
      [0x08, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00],
      (r) => r.skip(),
      "FILE_CORRUPT",
      "the number that ends at byte 11 has more than 64 bits",
    ],
    ["half a float", [0x15, 0, 0], (r) => r.float(), "FILE_TRUNCATED", "field 2 takes 4 bytes from byte 1, 2 remain"],
    ["half a double to skip", [0x11, 0, 0], (r) => r.skip(), "FILE_TRUNCATED", "field 2 takes 8 bytes from byte 1, 2 remain"],
    ["bytes for a number", [0x0a, 0], (r) => r.int(), "FILE_CORRUPT", "field 1 has wire type 2, expected 0"],
    ["a number for bytes", [0x08, 0], (r) => r.span(), "FILE_CORRUPT", "field 1 has wire type 0, expected 2"],
    ["a double for a float", [0x09, 0, 0, 0, 0, 0, 0, 0, 0], (r) => r.floats([]), "FILE_CORRUPT", "field 1 has wire type 1, expected 5"],
    [
      "packed floats of 5 bytes",
      [0x0a, 5, 0, 0, 0, 0, 0],
      (r) => r.floats([]),
      "FILE_CORRUPT",
      "field 1 packs 5 bytes, not a multiple of 4",
    ],
    [
      "packed doubles of 7 bytes",
      [0x0a, 7, 0, 0, 0, 0, 0, 0, 0],
      (r) => r.numbers(8),
      "FILE_CORRUPT",
      "field 1 packs 7 bytes, not a multiple of 8",
    ],
    ["a packed number cut by its list", [0x0a, 1, 0x80, 0], (r) => r.ints([]), "FILE_CORRUPT", "the number at byte 2 has no last byte"],
    ["a group", [0x0b, 0x0c], (r) => r.skip(), "FILE_CORRUPT", "field 1 has wire type 3, which no ONNX file uses"],
    ["wire type 7", [0x0f], (r) => r.skip(), "FILE_CORRUPT", "field 1 has wire type 7, which no ONNX file uses"],
  ];
  test.each(cases)("%s", (_what, bytes, run, code, fact) => {
    const reader = atField(Uint8Array.from(bytes));
    expect(errorOf(() => run(reader))).toEqual({ code, message: `Cannot read model of "a.onnx": ${fact}` });
  });

  test("field number 0, and one beyond 32 bits", () => {
    expect(errorOf(() => readerOf(Uint8Array.of(0x00)).next())).toEqual({
      code: "FILE_CORRUPT",
      message: 'Cannot read model of "a.onnx": the tag at byte 0 has no valid field number',
    });
    expect(errorOf(() => readerOf(Uint8Array.of(0x8a, 0x80, 0x80, 0x80, 0x10, 0)).next())).toEqual({
      code: "FILE_CORRUPT",
      message: 'Cannot read model of "a.onnx": the tag at byte 0 has no valid field number',
    });
  });

  test("inside a message of a longer file it is corrupt, not cut off", () => {
    const file = openWire("a.onnx", Uint8Array.of(0x0a, 5, 1, 2, 3, 4, 5));
    const reader = new MessageReader(file, { start: 0, end: 4 }, "graph.node[0]");
    reader.next();
    expect(errorOf(() => reader.bytes())).toEqual({
      code: "FILE_CORRUPT",
      message: 'Cannot read graph.node[0] of "a.onnx": field 1 takes 5 bytes from byte 2, 2 remain',
    });
  });
});
