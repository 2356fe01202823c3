import { expect, test } from "vitest";
import { crc32c } from "./crc32c.js";

const bytes = (length: number, value: (index: number) => number): Uint8Array => Uint8Array.from({ length }, (_, index) => value(index));

// RFC 3720, appendix B.4. It prints the four bytes of the checksum in the order in which they are sent, lowest first.
test.each([
  ["32 zeros", bytes(32, () => 0), 0x8a9136aa],
  ["32 bytes of all ones", bytes(32, () => 0xff), 0x62a8ab43],
  ["32 bytes counting up", bytes(32, (index) => index), 0x46dd794e],
  ["32 bytes counting down", bytes(32, (index) => 31 - index), 0x113fdb5c],
  [
    "an iSCSI read command",
    Uint8Array.from(
      Buffer.from("01c00000000000000000000000000000140000000000040000000014000000182800000000000000" + "0200000000000000", "hex"),
    ),
    0xd9963a56,
  ],
])("RFC 3720: %s", (_, data, checksum) => {
  expect(crc32c(data)).toBe(checksum);
});

// Computed with Python's crcmod 1.7, crc-32c.
test.each([
  ["", 0],
  ["a", 0xc1d04330],
  ["123456789", 0xe3069283],
  ["The quick brown fox jumps over the lazy dog", 0x22620404],
])("crcmod: %j", (text, checksum) => {
  expect(crc32c(new TextEncoder().encode(text))).toBe(checksum);
});
