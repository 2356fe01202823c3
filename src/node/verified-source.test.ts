import { createHash } from "node:crypto";
import { mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { InceptionError } from "../errors.js";
import { type ByteSource, bytesSource } from "../formats/byte-source.js";
import { prepareModel } from "./prepare-model.js";
import { sha256Hex } from "./sha256.js";
import { digestContent, pinnedSource, verifiedSource } from "./verified-source.js";

const CHUNK = 256 * 1024;
/** More chunks than are read in one call or kept, and a last one that is not full. */
const content = Uint8Array.from({ length: 40 * CHUNK + 1000 }, (_, index) => (index * 31 + (index >> 8)) & 255);

describe("a verified source", () => {
  test("gives the bytes of any range", async () => {
    const source = bytesSource("net.bin", content);
    const digest = await digestContent(source);
    expect(digest.sha256).toBe(createHash("sha256").update(content).digest("hex"));
    const verified = verifiedSource(source, digest);
    for (const [offset, length] of [
      [0, 0],
      [0, content.length],
      [0, CHUNK],
      [1, CHUNK],
      [CHUNK - 1, 2],
      [3 * CHUNK, 20 * CHUNK],
      [3 * CHUNK - 7, 20 * CHUNK + 9],
      [40 * CHUNK, 1000],
      [40 * CHUNK + 999, 1],
      [content.length, 0],
    ] as const) {
      const bytes = await verified.read(offset, length);
      expect(Buffer.compare(bytes, content.subarray(offset, offset + length))).toBe(0);
    }
    await expect(verified.read(content.length, 1)).rejects.toMatchObject({ code: "FILE_TRUNCATED" });
    expect(
      (
        await verifiedSource(bytesSource("empty", new Uint8Array(0)), await digestContent(bytesSource("empty", new Uint8Array(0)))).read(
          0,
          0,
        )
      ).length,
    ).toBe(0);
  });

  test("fails for any byte that changed since, whatever range it is read in", async () => {
    const bytes = content.slice();
    const source = bytesSource("net.bin", bytes);
    const digest = await digestContent(source);
    const changed = new InceptionError("HASH_MISMATCH", 'Cannot use "net.bin": it changed while it was read', { name: "net.bin" });
    for (const at of [0, CHUNK - 1, CHUNK, 17 * CHUNK + 5, content.length - 1]) {
      bytes[at] = (bytes[at] ?? 0) ^ 1;
      await expect(verifiedSource(source, digest).read(at, 1)).rejects.toThrow(changed);
      await expect(verifiedSource(source, digest).read(0, content.length)).rejects.toThrow(changed);
      bytes[at] = (bytes[at] ?? 0) ^ 1;
    }
    expect(() => verifiedSource(bytesSource("net.bin", content.subarray(1)), digest)).toThrow(changed);
  });

  test("with a pin is refused when it is another file", async () => {
    const message = `Cannot use net: its SHA-256 is ${sha256Hex(content)}, expected ${"0".repeat(64)}`;
    await expect(pinnedSource(bytesSource("net.bin", content), "net", "0".repeat(64))).rejects.toThrow(message);
    const pinned: ByteSource = await pinnedSource(bytesSource("net.bin", content), "net", sha256Hex(content));
    expect(await pinned.read(5, 3)).toEqual(content.slice(5, 8));
  });
});

describe("a pinned weight file that is exchanged again and again while it is loaded", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "inception-race-"));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  test.each(["replaced", "written in place"])("gives its own values or an error, never others: %s", async (how) => {
    const good = await readFile("examples/digits/googlenet-digits.safetensors");
    const foreign = Buffer.from(good);
    // The last bytes belong to a tensor: the same file with other values.
    for (let at = foreign.length - 40_000; at < foreign.length; at++) foreign[at] = (foreign[at] ?? 0) ^ 1;
    const file = path.join(folder, "net.safetensors");
    await writeFile(file, good);
    const spec = `${pathToFileURL(file).href}#sha256=${sha256Hex(good)}`;
    const options = { numClasses: 10, inputSize: 64, widthMultiplier: 0.25 };
    const load = () => prepareModel("googlenet", spec, { options });
    const expected = await load();
    const last = (parameters: typeof expected.parameters) =>
      [...parameters.values()].map(({ data }) => sha256Hex(new Uint8Array(data.buffer, data.byteOffset, data.byteLength)));
    const hashes = last(expected.parameters);
    let running = true;
    const exchange = (async () => {
      for (let turn = 0; running; turn++) {
        const bytes = turn % 2 === 0 ? foreign : good;
        if (how === "written in place") await writeFile(file, bytes, { flag: "r+" });
        else {
          await writeFile(`${file}.new`, bytes);
          await rename(`${file}.new`, file);
        }
      }
    })();
    const codes: string[] = [];
    for (let turn = 0; turn < 30; turn++) {
      try {
        const { parameters, metadata } = await load();
        expect(last(parameters)).toEqual(hashes);
        expect(metadata.weightsSha256).toBe(sha256Hex(good));
        codes.push("loaded");
      } catch (thrown) {
        if (!(thrown instanceof InceptionError)) throw thrown;
        codes.push(thrown.code);
      }
    }
    running = false;
    await exchange;
    expect(codes.filter((code) => code !== "loaded" && code !== "HASH_MISMATCH")).toEqual([]);
    expect(codes).toContain("HASH_MISMATCH");
  });
});
