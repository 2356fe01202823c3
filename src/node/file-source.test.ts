import { execFileSync } from "node:child_process";
import { chmod, mkdtemp, open, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { expectFailure } from "../../test/failures.js";
import { openFileSource } from "./file-source.js";
import { sha256Hex, sha256OfFile } from "./sha256.js";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "inception-files-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function fileIn(name: string, content: Uint8Array): Promise<string> {
  const file = path.join(folder, name);
  await writeFile(file, content);
  return file;
}

test("reads any range, also overlapping and at once", async () => {
  const bytes = Uint8Array.from({ length: 100_000 }, (_, i) => (i * 7) % 251);
  const file = await fileIn("plain.bin", bytes);
  const source = await openFileSource(file);
  expect([source.name, source.size]).toEqual([file, 100_000]);
  const ranges = [
    [0, 100_000],
    [99_999, 1],
    [500, 4096],
    [1000, 4096],
    [100_000, 0],
  ] as const;
  const read = await Promise.all(ranges.map(([offset, length]) => source.read(offset, length)));
  expect(read).toEqual(ranges.map(([offset, length]) => bytes.subarray(offset, offset + length)));
  await source.close();
  await source.close();
  await expectFailure(source.read(0, 1), "SOURCE_INVALID", `Cannot read "${file}": it is closed`);
});

test("reads across the edges of its pieces", async () => {
  // Zeros that take no room on disk, with marks on both sides of the first edge.
  const edge = 64 * 2 ** 20;
  const file = await fileIn("large.bin", new Uint8Array(0));
  const handle = await open(file, "r+");
  await handle.write(Uint8Array.of(1, 2, 3, 4), 0, 4, edge - 2);
  await handle.truncate(edge + 100);
  await handle.close();
  const source = await openFileSource(file);
  const bytes = await source.read(1, edge + 99);
  expect(bytes.subarray(edge - 4, edge + 3)).toEqual(Uint8Array.of(0, 1, 2, 3, 4, 0, 0));
  await source.close();
});

test("refuses ranges outside the file", async () => {
  const file = await fileIn("small.bin", new Uint8Array(10));
  const source = await openFileSource(file);
  await expectFailure(source.read(8, 3), "FILE_TRUNCATED", `Cannot read 3 bytes at 8 of "${file}": the file has 10 bytes`);
  await expectFailure(source.read(-1, 3), "FILE_TRUNCATED", `Cannot read 3 bytes at -1 of "${file}": the file has 10 bytes`);
  await expectFailure(
    source.read(0, 2 ** 53),
    "FILE_TRUNCATED",
    `Cannot read 9007199254740992 bytes at 0 of "${file}": the file has 10 bytes`,
  );
  await source.close();
});

test("notices that a file became shorter", async () => {
  const file = await fileIn("shrinks.bin", new Uint8Array(1000));
  const source = await openFileSource(file);
  await truncate(file, 300);
  await expectFailure(
    source.read(200, 500),
    "FILE_TRUNCATED",
    `Cannot read 500 bytes at 200 of "${file}": the file had 1000 bytes when it was opened and ends now at 300`,
  );
  await source.close();
});

test("does not take memory for what one array cannot hold", async () => {
  const file = await fileIn("sparse.bin", new Uint8Array(0));
  await truncate(file, 2 ** 40);
  const source = await openFileSource(file);
  await expectFailure(
    source.read(0, 2 ** 40),
    "FILE_LIMIT",
    `Cannot read 1,099,511,627,776 bytes of "${file}" at once: the limit of one array is 4,294,967,296`,
  );
  expect(await source.read(2 ** 40 - 2, 2)).toEqual(new Uint8Array(2));
  await source.close();
});

test("says what a path is when it is no file", async () => {
  const missing = path.join(folder, "none\u001b[31m.bin");
  await expectFailure(openFileSource(missing), "FILE_NOT_FOUND", `Cannot open "${folder}/none [31m.bin": no such file or directory`);
  const below = path.join(await fileIn("file.bin", new Uint8Array(1)), "x");
  await expectFailure(openFileSource(below), "FILE_NOT_FOUND", `Cannot open "${below}": not a directory`);
  await expectFailure(openFileSource(folder), "SOURCE_INVALID", `Cannot open "${folder}": it is a directory, not a regular file`);
  await expectFailure(openFileSource("/dev/zero"), "SOURCE_INVALID", 'Cannot open "/dev/zero": it is a device or pipe, not a regular file');
  const pipe = path.join(folder, "pipe");
  execFileSync("mkfifo", [pipe]);
  await expectFailure(openFileSource(pipe), "SOURCE_INVALID", `Cannot open "${pipe}": it is a device or pipe, not a regular file`);
});

const isRoot = process.getuid?.() === 0;
test.skipIf(isRoot)(`says that a file may not be read${isRoot ? " [skipped: root may read every file]" : ""}`, async () => {
  const file = await fileIn("locked.bin", new Uint8Array(1));
  await chmod(file, 0);
  await expectFailure(openFileSource(file), "SOURCE_INVALID", `Cannot open "${file}": permission denied`);
});

test("hashes as the standard's examples say", async () => {
  // FIPS 180-2, appendix B.1 and B.3.
  expect(sha256Hex(new TextEncoder().encode("abc"))).toBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  const million = await fileIn("million.txt", new Uint8Array(1_000_000).fill(97));
  expect(await sha256OfFile(million)).toBe("cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  const multiple = await fileIn("two-pieces.txt", new Uint8Array(2 ** 21));
  expect(await sha256OfFile(multiple)).toBe(execFileSync("sha256sum", [multiple], { encoding: "utf8" }).split(" ")[0]);
});
