import { BinaryReader } from "@bufbuild/protobuf/wire";
import fc from "fast-check";
import { expect, test } from "vitest";
import { crc32c } from "./crc32c.js";
import { encodeFileVersion, encodeImage, encodeRecord, encodeScalars, maskedCrc32c } from "./tfevents.js";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

test("three records, byte for byte as Google's protobuf 3.21.12 and crcmod 1.7 write them", () => {
  const records = [
    encodeFileVersion(1_700_000_000.5),
    encodeScalars({ wallTime: 1_700_000_001.25, step: 7 }, [
      ["train/loss", 0.5],
      ["train/é\u{1f600}", Number.NaN],
      ["big", 1e39],
    ]),
    encodeImage({ wallTime: 1_700_000_002, step: 300 }, "mistakes", { width: 3, height: 2, channels: 3, encoded: Uint8Array.of(1, 2, 3) }),
  ];
  expect(Buffer.concat(records).toString("base64")).toBe(
    "GAAAAAAAAACjf0siCQAAIED8VNlBGg1icmFpbi5FdmVudDoyKzUxEEEAAAAAAAAAAKnCqwkAAFBA/FTZQRAHKjQKEQoKdHJhaW4vbG9zcxUAAAA/" +
      "ChMKDHRyYWluL8Op8J+YgBUAAMB/CgoKA2JpZxUAAIB/3czwSScAAAAAAAAAu+GxRgkAAIBA/FTZQRCsAioZChcKCG1pc3Rha2VzIgsIAhADGAMi" +
      "AwECA1AluJ4=",
  );
});

test("the mask turns the checksum by 15 bits and adds a constant", () => {
  // RFC 3720: 32 zeros give 0x8a9136aa. Its low 15 bits are 0x36aa, the others 0x11522: (0x36aa << 17 | 0x11522) = 0x6d551522.
  expect(maskedCrc32c(new Uint8Array(32))).toBe((0x6d551522 + 0xa282ead8) % 2 ** 32);
});

test("an empty record is its length and two checksums", () => {
  // mask(crc32c of eight zeros) computed with crcmod; mask(crc32c("")) = mask(0) = 0xa282ead8.
  expect(hex(encodeRecord(new Uint8Array(0)))).toBe("0000000000000000" + "29039807" + "d8ea82a2");
});

interface Scalar {
  readonly tag: string;
  readonly value: number;
}

/** The framing and the fields read back by other means: DataView, and protobuf's own reader. */
function decode(record: Uint8Array): { readonly wallTime: number; readonly step: string; readonly scalars: readonly Scalar[] } {
  const view = new DataView(record.buffer, record.byteOffset, record.byteLength);
  const length = Number(view.getBigUint64(0, true));
  expect(record.byteLength).toBe(16 + length);
  const data = record.subarray(12, 12 + length);
  expect(unmask(view.getUint32(8, true))).toBe(crc32c(record.subarray(0, 8)));
  expect(unmask(view.getUint32(12 + length, true))).toBe(crc32c(data));
  const reader = new BinaryReader(data);
  const scalars: Scalar[] = [];
  expect(reader.tag()).toEqual([1, 1]);
  const wallTime = reader.double();
  expect(reader.tag()).toEqual([2, 0]);
  const step = String(reader.int64());
  expect(reader.tag()).toEqual([5, 2]);
  for (const end = reader.uint32() + reader.pos; reader.pos < end; ) {
    expect(reader.tag()).toEqual([1, 2]);
    reader.uint32();
    expect(reader.tag()).toEqual([1, 2]);
    const tag = reader.string();
    expect(reader.tag()).toEqual([2, 5]);
    scalars.push({ tag, value: reader.float() });
  }
  expect(reader.pos).toBe(length);
  return { wallTime, step, scalars };
}

/** The mask undone as TensorFlow's Unmask does it: subtract, then turn by 17. */
function unmask(masked: number): number {
  const turned = (masked - 0xa282ead8) >>> 0;
  return ((turned >>> 17) | (turned << 15)) >>> 0;
}

test("any scalars are found again", () => {
  const scalar = fc.tuple(fc.string({ unit: "grapheme" }), fc.float());
  const steps = fc.oneof(fc.nat(), fc.maxSafeNat());
  fc.assert(
    fc.property(fc.double(), steps, fc.array(scalar), (wallTime, step, scalars) => {
      expect(decode(encodeScalars({ wallTime, step }, scalars))).toEqual({
        wallTime,
        step: String(step),
        scalars: scalars.map(([tag, value]) => ({ tag, value })),
      });
    }),
  );
});

test("half a surrogate pair in a tag becomes the replacement character", () => {
  expect(decode(encodeScalars({ wallTime: 0, step: 0 }, [["a\ud800", 1]])).scalars).toEqual([{ tag: "a\ufffd", value: 1 }]);
});

test.each([-1, 0.5, Number.NaN, 2 ** 53])("step %d is refused", (step) => {
  expect(() => encodeScalars({ wallTime: 0, step }, [])).toThrowError(
    expect.objectContaining({
      code: "OPTION_INVALID",
      message: `Cannot write an event of step ${step}: expected an integer of at least 0`,
    }),
  );
});
