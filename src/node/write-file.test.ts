import { chmod, mkdir, mkdtemp, readdir, readFile, readlink, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { expectFailure } from "../../test/failures.js";
import { InceptionError } from "../errors.js";
import { makeFolder, writeFileAtomic } from "./write-file.js";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "inception-write-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const text = (content: string) => new TextEncoder().encode(content);

const refused = (promise: Promise<unknown>, message: string) => expectFailure(promise, "WRITE_FAILED", message);

test("writes chunks one after the other, from lists and from streams", async () => {
  const file = path.join(folder, "out.bin");
  await writeFileAtomic(file, [text("one "), text(""), text("two")]);
  expect(await readFile(file, "utf8")).toBe("one two");
  await writeFileAtomic(
    file,
    (async function* () {
      yield text("three");
    })(),
  );
  expect(await readFile(file, "utf8")).toBe("three");
  await writeFileAtomic(path.join(folder, "empty.bin"), []);
  expect((await readdir(folder)).sort()).toEqual(["empty.bin", "out.bin"]);
});

test("shows the old file until the new one is whole", async () => {
  const file = path.join(folder, "out.bin");
  await writeFile(file, "old");
  const seen: string[] = [];
  await writeFileAtomic(
    file,
    (async function* () {
      yield text("new ");
      seen.push(await readFile(file, "utf8"), ...(await readdir(folder)).filter((name) => name.endsWith(".tmp")));
      yield text("content");
    })(),
  );
  expect(seen).toEqual(["old", expect.stringMatching(/^\.out\.bin\.[0-9a-f]{12}\.tmp$/)]);
  expect(await readFile(file, "utf8")).toBe("new content");
  expect(await readdir(folder)).toEqual(["out.bin"]);
});

test("leaves the old file and nothing else when the content fails, and passes that error on", async () => {
  const file = path.join(folder, "out.bin");
  await writeFile(file, "old");
  const reason = new InceptionError("FILE_TRUNCATED", "Cannot read the weights");
  const failing = (function* () {
    yield text("half");
    throw reason;
  })();
  await expect(writeFileAtomic(file, failing)).rejects.toBe(reason);
  expect(await readFile(file, "utf8")).toBe("old");
  expect(await readdir(folder)).toEqual(["out.bin"]);
});

test("follows a link instead of replacing it", async () => {
  await mkdir(path.join(folder, "real"));
  const real = path.join(folder, "real", "out.bin");
  const link = path.join(folder, "link.bin");
  await writeFile(real, "old");
  await symlink(real, link);
  await writeFileAtomic(link, [text("new")]);
  expect(await readlink(link)).toBe(real);
  expect(await readFile(real, "utf8")).toBe("new");
});

test("says why it cannot write", async () => {
  const missing = path.join(folder, "none", "out.bin");
  await refused(writeFileAtomic(missing, [text("x")]), `Cannot write "${missing}": no such file or directory`);
  await refused(writeFileAtomic(folder, [text("x")]), `Cannot write "${folder}": it is a directory, not a regular file`);
  await refused(writeFileAtomic("/dev/null", [text("x")]), 'Cannot write "/dev/null": it is a device or pipe, not a regular file');
  expect(await readdir(folder)).toEqual([]);
});

test("a name of 255 bytes is written, though its temporary name would be longer", async () => {
  const name = `${"é".repeat(125)}.abcd`;
  expect(Buffer.byteLength(name)).toBe(255);
  await writeFileAtomic(path.join(folder, name), [text("x")]);
  expect(await readdir(folder)).toEqual([name]);
});

test("folders are made with those above them; a file in the way, or a system that refuses, is named", async () => {
  const deep = path.join(folder, "a", "b", "c");
  await makeFolder(deep);
  await makeFolder(deep);
  await writeFile(path.join(deep, "file"), "");
  await refused(makeFolder(path.join(deep, "file")), `Cannot write "${path.join(deep, "file")}": it is a file, not a directory`);
  const below = path.join(deep, "file", "d");
  await refused(makeFolder(below), `Cannot write "${below}": not a directory`);
});

const isRoot = process.getuid?.() === 0;
test.skipIf(isRoot)(`says that a folder may not be written${isRoot ? " [skipped: root may write everywhere]" : ""}`, async () => {
  await chmod(folder, 0o500);
  const file = path.join(folder, "out.bin");
  await refused(writeFileAtomic(file, [text("x")]), `Cannot write "${file}": permission denied`);
  await chmod(folder, 0o700);
});
