import fc from "fast-check";
import { expect, test } from "vitest";
import { snappy, varint } from "../../../test/tensorflow-files.js";
import { unpackSnappy } from "./snappy.js";

const ascii = (text: string): number[] => [...new TextEncoder().encode(text)];
const unpack = (...bytes: readonly number[]): string => new TextDecoder().decode(unpackSnappy(Uint8Array.from(bytes), "x"));

// Elements by hand from format_description.txt.
test("the elements of the format", () => {
  expect(unpack(0)).toBe("");
  expect(unpack(5, 4 << 2, ...ascii("hello"))).toBe("hello");
  // "xababab": a literal "xab" and a copy of length 4, 2 back, which reads what it writes.
  expect(unpack(7, 2 << 2, ...ascii("xab"), 1 | (0 << 2), 2)).toBe("xababab");
  // The same with offsets of two and of four bytes.
  expect(unpack(7, 2 << 2, ...ascii("xab"), 2 | (3 << 2), 2, 0)).toBe("xababab");
  expect(unpack(7, 2 << 2, ...ascii("xab"), 3 | (3 << 2), 2, 0, 0, 0)).toBe("xababab");
  // A literal of 61 bytes, whose length takes a byte of its own.
  expect(unpack(61, 60 << 2, 60, ...ascii("y".repeat(61)))).toBe("y".repeat(61));
  expect(unpack(...varint(300), 61 << 2, 43, 1, ...ascii("z".repeat(300)))).toBe("z".repeat(300));
});

test("what a compressor wrote comes back", () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.nat(3), fc.nat(255)), { maxLength: 3000 }), (bytes) => {
      const plain = Uint8Array.from(bytes);
      expect(unpackSnappy(snappy(plain), "x")).toEqual(plain);
    }),
  );
});

test.each([
  ["longer than it can be", [...varint(2 ** 31), 0, 1], "its 7 bytes cannot decode to the 2147483648 that they declare"],
  ["a length without end", [0xff, 0xff, 0xff, 0xff, 0xff, 1], "its 6 bytes cannot decode to the 2^32 or more that they declare"],
  ["nothing", [], "its 0 bytes cannot decode to the 2^32 or more that they declare"],
  ["a literal that leaves it", [5, 4 << 2, 1, 2], "the element at byte 1 extends beyond its end"],
  ["more than was said", [1, 1 << 2, 1, 2], "the element at byte 1 extends beyond its end"],
  ["less than was said", [3, 0, 1], "it ends after 1 of 3 bytes"],
  ["a copy from before the start", [8, 0, 1, 1 | (0 << 2), 9], "the element at byte 3 copies from 9 bytes back, 1 are unpacked"],
  ["a copy from nowhere", [8, 0, 1, 1 | (0 << 2), 0], "the element at byte 3 extends beyond its end"],
])("refuses %s", (_, bytes, fact) => {
  expect(() => unpackSnappy(Uint8Array.from(bytes), "the block")).toThrow(
    expect.objectContaining({ code: "FILE_CORRUPT", message: `Cannot decode the block: ${fact}` }),
  );
});
