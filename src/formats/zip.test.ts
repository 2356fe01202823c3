import { describe, expect, it } from "vitest";
import { concat, u16, u32, u64, type ZipPart, zipFile } from "../../test/weight-fixtures.js";
import { bytesSource } from "./byte-source.js";
import { locateStored, readZipDirectory } from "./zip.js";

const A: ZipPart = { name: "a", bytes: Uint8Array.of(1, 2, 3) };
const B: ZipPart = { name: "b/ü", bytes: Uint8Array.of(4, 5) };

async function readAll(bytes: Uint8Array): Promise<Record<string, number[]>> {
  const source = bytesSource("x.zip", bytes);
  const read: Record<string, number[]> = {};
  for (const entry of (await readZipDirectory(source)).values()) {
    const { offset, length } = await locateStored(source, entry);
    read[entry.name] = [...bytes.subarray(offset, offset + length)];
  }
  return read;
}

/** The same archive with the 64-bit records that torch.save writes, or with lies in them. */
function withZip64(file: Uint8Array, lies: { entries?: number; offset?: number; locator?: number } = {}): Uint8Array {
  const end = file.subarray(file.length - 22);
  const view = new DataView(end.buffer, end.byteOffset, end.byteLength);
  const recordOffset = file.length - 22;
  const entries = u64(lies.entries ?? view.getUint16(10, true));
  const directory = concat(u64(view.getUint32(12, true)), u64(lies.offset ?? view.getUint32(16, true)));
  const record = concat(u32(0x06064b50), u64(44), u16(45), u16(45), u32(0), u32(0), entries, entries, directory);
  const locator = concat(u32(0x07064b50), u32(0), u64(lies.locator ?? recordOffset), u32(1));
  return concat(file.subarray(0, recordOffset), record, locator, end);
}

describe("zip directory", () => {
  it("lists entries and finds their bytes", async () => {
    expect(await readAll(zipFile([A, B, { name: "empty", bytes: new Uint8Array(0) }]))).toEqual({ a: [1, 2, 3], "b/ü": [4, 5], empty: [] });
  });

  it("reads an archive with 64-bit records and one with a comment", async () => {
    expect(await readAll(withZip64(zipFile([A, B])))).toEqual({ a: [1, 2, 3], "b/ü": [4, 5] });
    const plain = zipFile([A]);
    const commented = concat(plain.subarray(0, plain.length - 2), u16(4), [0x50, 0x4b, 5, 6]);
    expect(await readAll(commented)).toEqual({ a: [1, 2, 3] });
  });

  it.each<[string, Uint8Array, string, string]>([
    [
      "a file without an end",
      zipFile([A]).subarray(0, 60),
      "FILE_TRUNCATED",
      "no end-of-directory record in its last 60 bytes; the file is truncated, or other bytes follow it",
    ],
    [
      "bytes in front of the archive",
      concat([0x50, 0x4b, 3, 4, 0], zipFile([A])),
      "FILE_CORRUPT",
      "the directory covers bytes 34 to 81, it must end at 86 where its end record starts",
    ],
    [
      "more entries than the directory has",
      zipFile([A], { entries: 2 }),
      "FILE_CORRUPT",
      "no directory entry at byte 47 of its 47-byte directory",
    ],
    [
      "fewer entries than the directory has",
      zipFile([A, B], { entries: 1 }),
      "FILE_CORRUPT",
      "1 directory entries take 47 bytes, the directory has 97",
    ],
    [
      "a directory behind the file",
      zipFile([A], { directoryOffset: 0xfffffff0 }),
      "FILE_CORRUPT",
      "the directory covers bytes 4294967280 to 4294967327, it must end at 81 where its end record starts",
    ],
    ["the same name twice", zipFile([A, { ...A }]), "FILE_CORRUPT", 'two entries are named "a"'],
    [
      "entries that overlap",
      zipFile([A, { ...B, headerOffset: 10 }]),
      "FILE_CORRUPT",
      'entry "a" covers bytes 0 to 33, the next part of the file starts at 10',
    ],
    [
      "an entry that covers the directory",
      zipFile([{ ...A, size: 4000, packedSize: 4000 }]),
      "FILE_CORRUPT",
      'entry "a" covers bytes 0 to 4030, the next part of the file starts at 34',
    ],
    [
      "a stored entry with two sizes",
      zipFile([{ ...A, size: 2_000_000_000 }]),
      "FILE_CORRUPT",
      'stored entry "a" declares 2000000000 bytes, 3 of them in the file',
    ],
    [
      "a compressed entry",
      zipFile([{ ...A, method: 8, size: 2_000_000_000 }]),
      "FILE_UNSUPPORTED",
      'entry "a" is compressed with method 8, only stored entries are supported; save the file again with torch.save',
    ],
    [
      "an encrypted entry",
      zipFile([{ ...A, flags: 1 }]),
      "FILE_UNSUPPORTED",
      'entry "a" is encrypted, only stored entries are supported; save the file again with torch.save',
    ],
    ["another local name", zipFile([{ ...A, localName: "c" }]), "FILE_CORRUPT", 'entry "a" is named "c" in its local header'],
    [
      "a local name that pushes the data out",
      zipFile([{ ...A, localName: "cc" }]),
      "FILE_CORRUPT",
      'entry "a" is named "cc" in its local header',
    ],
    ["an entry without local header", zipFile([{ ...A, headerOffset: 1 }]), "FILE_CORRUPT", 'entry "a" has no local header at byte 1'],
    [
      "64-bit sizes without a field",
      zipFile([{ ...A, size: 2 ** 32 - 1, packedSize: 2 ** 32 - 1 }]),
      "FILE_CORRUPT",
      'entry "a" has no zip64 field for its size, packedSize',
    ],
    ["end records that disagree", withZip64(zipFile([A]), { entries: 2 }), "FILE_CORRUPT", "its two end records disagree on the directory"],
    [
      "a 64-bit end record elsewhere",
      withZip64(zipFile([A]), { locator: 0 }),
      "FILE_CORRUPT",
      "the zip64 end record is not at byte 81, just before its locator",
    ],
    [
      "more entries than are read",
      withZip64(zipFile([A], { entries: 0xffff }), { entries: 2 ** 40 }),
      "FILE_LIMIT",
      "the directory has 1,099,511,627,776 entries in 47 bytes, the limits are 65,536 and 16,777,216",
    ],
  ])("refuses %s", async (_, bytes, code, fact) => {
    await expect(readAll(bytes)).rejects.toMatchObject({ code, message: `Cannot read zip file "x.zip": ${fact}` });
  });

  it("reads what Python's zipfile stores", async () => {
    // zipfile of Python 3.11: writestr("a/b", b"xyz"), then open("c", "w", force_zip64=True) with b"12".
    const bytes = Buffer.from(
      "504b03041400000000006f22765d67ba8eeb030000000300000003000000612f6278797a504b03042d000000000000002100cd44534fffffffffffffffff010014006301001000020000000000000002000000000000003132504b010214031400000000006f22765d67ba8eeb0300000003000000030000000000000000000000800100000000612f62504b01022d032d000000000000002100cd44534f020000000200000001000000000000000000000080012400000063504b0506000000000200020060000000590000000000",
      "hex",
    );
    expect(await readAll(bytes)).toEqual({ "a/b": [0x78, 0x79, 0x7a], c: [0x31, 0x32] });
  });
});
