import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { crc32, deflateSync } from "node:zlib";
import fc from "fast-check";
import sharp from "sharp";
import { afterAll, describe, expect, test } from "vitest";
import { goldenPath } from "../../test/shared.js";
import { InceptionError } from "../errors.js";
import { decodeImage } from "./decode-image.js";

const folder = mkdtempSync(path.join(tmpdir(), "inceptionkit-decode-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface PillowGoldens {
  readonly files: Readonly<
    Record<string, { readonly file: string; readonly width: number; readonly height: number; readonly sha256: string }>
  >;
}
// Made by tools/goldens/pillow_decode.py; its shape is stated above.
const pillow = JSON.parse(readFileSync(goldenPath("pillow_decode.json"), "utf8")) as PillowGoldens;

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

/** The error that decoding ends with; fails when it is no typed one-line error. */
async function refusal(source: string | Uint8Array, options = {}): Promise<InceptionError> {
  const error: unknown = await decodeImage(source, options).then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof InceptionError)) throw new Error("expected an InceptionError", { cause: error });
  expect(error.message).not.toMatch(/[\r\n]/);
  return error;
}

describe("equal to Pillow, byte for byte", () => {
  test.each(Object.entries(pillow.files))("%s", async (name, { file, width, height, sha256: expected }) => {
    const image = await decodeImage(Buffer.from(file, "base64"), { name });
    expect([image.width, image.height, image.channels]).toEqual([width, height, 3]);
    expect(sha256(image.data)).toBe(expected);
  });
});

describe("what Pillow 12.3 does otherwise or not at all", () => {
  const levels = Uint16Array.from({ length: 256 }, (_, i) => i * 257);

  test("16-bit gray keeps its upper 8 bits", async () => {
    const file = pngFile({ width: 256, height: 1, depth: 16, color: 0 }, bigEndian(levels));
    const image = await decodeImage(file);
    expect([...image.data]).toEqual([...levels].flatMap((level) => new Array<number>(3).fill(level >> 8)));
  });

  test("AVIF", async () => {
    const file = await sharp({ create: { width: 8, height: 6, channels: 3, background: "#4080c0" } })
      .avif({ lossless: true })
      .toBuffer();
    const image = await decodeImage(file);
    expect([image.width, image.height]).toEqual([8, 6]);
    expect([...image.data.subarray(0, 3)]).toEqual([0x40, 0x80, 0xc0]);
  });

  test("a profile is carried along unused: the stored numbers come out", async () => {
    const raw = { raw: { width: 1, height: 1, channels: 3 } } as const;
    const file = await sharp(Uint8Array.of(200, 30, 90), raw)
      .withIccProfile("p3")
      .png()
      .toBuffer();
    const stored = await sharp(file, { ignoreIcc: true }).raw().toBuffer();
    expect((await sharp(file).metadata()).icc?.length).toBeGreaterThan(0);
    expect([...(await decodeImage(file)).data]).toEqual([...stored]);
    expect([...stored]).not.toEqual([200, 30, 90]);
  });

  test("an orientation that ImageMagick wrote into a PNG text chunk", async () => {
    const exif = "4d4d002a000000080001011200030000000100060000";
    const text = pngChunk("tEXt", Buffer.from(`Raw profile type exif\0\nexif\n      ${exif.length / 2}\n${exif}\n`, "latin1"));
    const file = pngFile({ width: 2, height: 1, depth: 8, color: 0 }, Buffer.of(10, 20), text);
    const image = await decodeImage(file);
    expect([image.width, image.height, ...image.data]).toEqual([1, 2, 10, 10, 10, 20, 20, 20]);
  });
});

describe("files", () => {
  test("are read by path, whatever they are called", async () => {
    const file = path.join(folder, "photo.txt");
    writeFileSync(file, Buffer.from(pillow.files["rgb.png"]?.file ?? "", "base64"));
    expect(sha256((await decodeImage(file)).data)).toBe(pillow.files["rgb.png"]?.sha256);
  });

  test("that are missing, and folders", async () => {
    const missing = await refusal(path.join(folder, "nothing.jpg"));
    expect([missing.code, missing.message]).toEqual(["FILE_NOT_FOUND", `Cannot open "${folder}/nothing.jpg": no such file or directory`]);
    const notFile = await refusal(folder);
    expect([notFile.code, notFile.message]).toEqual(["SOURCE_INVALID", `Cannot open "${folder}": it is a directory, not a regular file`]);
  });
});

const EXPECTED = "expected one of AVIF, GIF, JPEG, PNG, TIFF, WebP";

describe("content that is not decoded", () => {
  test.each<readonly [string, string, string, Uint8Array | string]>([
    ["nothing", "IMAGE_INVALID", "the file is empty", ""],
    ["text", "FILE_UNRECOGNIZED", `the content matches no supported image format, ${EXPECTED}`, "this is not a photograph"],
    ["SVG", "FILE_UNSUPPORTED", `the content is SVG, ${EXPECTED}`, "<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>"],
    ["SVG with a prologue", "FILE_UNSUPPORTED", `the content is SVG, ${EXPECTED}`, "\ufeff <?xml version='1.0'?>\n<!-- x --><svg/>"],
    ["SVG in gzip", "FILE_UNSUPPORTED", `the content is gzip-compressed, ${EXPECTED}`, Uint8Array.of(0x1f, 0x8b, 8, 0)],
    ["HTML", "FILE_UNSUPPORTED", `the content is XML or HTML, ${EXPECTED}`, "<!-- a page --><html></html>"],
    ["PDF", "FILE_UNSUPPORTED", `the content is PDF, ${EXPECTED}`, "%PDF-1.7\n"],
    ["ZIP", "FILE_UNSUPPORTED", `the content is a ZIP archive, ${EXPECTED}`, "PK\u0003\u0004"],
    ["HEIF", "FILE_UNSUPPORTED", `the content is HEIF, ${EXPECTED}`, "\0\0\0\u0014ftypheic\0\0\0\0mif1"],
    ["MP4", "FILE_UNSUPPORTED", `the content is an ISO media file, ${EXPECTED}`, "\0\0\0\u0014ftypisom\0\0\0\0mp41"],
    ["JPEG 2000", "FILE_UNSUPPORTED", `the content is JPEG 2000, ${EXPECTED}`, Uint8Array.of(0xff, 0x4f, 0xff, 0x51)],
    ["camera raw", "FILE_UNSUPPORTED", `the content is a Canon camera raw file, ${EXPECTED}`, "II*\0\u0010\0\0\0CR\u0002\0"],
  ])("%s", async (_, code, fact, content) => {
    const error = await refusal(Buffer.from(content), { name: "photo.png" });
    expect([error.code, error.message]).toEqual([code, `Cannot decode image "photo.png": ${fact}`]);
  });

  test("an image and a document in one: only what it begins like counts", async () => {
    const svg = "<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'><rect width='9' height='9'/></svg>";
    const error = await refusal(Buffer.from(`GIF89a${svg}`));
    expect(error.code).toBe("IMAGE_INVALID");
  });
});

describe("limits", () => {
  const file = Buffer.from(pillow.files["rgb.png"]?.file ?? "", "base64");

  test("bytes", async () => {
    const bytes = await refusal(file, { maxBytes: 100 });
    expect([bytes.code, bytes.message]).toEqual([
      "FILE_LIMIT",
      `Cannot decode image "image": the file has ${file.length.toLocaleString("en-US")} bytes, the limit is 100 (option maxBytes)`,
    ]);
    const stored = path.join(folder, "large.png");
    writeFileSync(stored, file);
    expect((await refusal(stored, { maxBytes: 100 })).message).toBe(
      `Cannot decode image "${stored}": the file has ${file.length.toLocaleString("en-US")} bytes, the limit is 100 (option maxBytes)`,
    );
  });

  test("pixels, from the header", async () => {
    const pixels = await refusal(file, { maxPixels: 390 });
    expect([pixels.code, pixels.message]).toEqual([
      "IMAGE_LIMIT",
      'Cannot decode image "image": 23 x 17 is 391 pixels, the limit is 390 (option maxPixels)',
    ]);
    expect((await decodeImage(file, { maxPixels: 391 })).width).toBe(23);
  });

  test("10^9 pixels in 70 bytes are refused at once", async () => {
    const started = performance.now();
    const memory = process.memoryUsage().rss;
    const error = await refusal(pngFile({ width: 40_000, height: 25_000, depth: 8, color: 2 }, Buffer.alloc(0)));
    expect(error.message).toBe(
      'Cannot decode image "image": 40000 x 25000 is 1,000,000,000 pixels, the limit is 100,000,000 (option maxPixels)',
    );
    expect(performance.now() - started).toBeLessThan(1000);
    expect(process.memoryUsage().rss - memory).toBeLessThan(100 * 2 ** 20);
  });

  test("limits that are none", async () => {
    expect((await refusal(file, { maxPixels: 0 })).message).toBe("Cannot decode images: maxPixels is 0, expected a positive integer");
    expect((await refusal(file, { maxSeconds: Number.NaN })).message).toBe(
      "Cannot decode images: maxSeconds is NaN, expected more than 0 and at most 3600",
    );
  });
});

describe("damaged files", () => {
  test("the message names file, format and the decoder's reason on one line", async () => {
    const file = Buffer.from(pillow.files["sampling_420.jpg"]?.file ?? "", "base64");
    const error = await refusal(file.subarray(0, -200), { name: "cut\n.jpg" });
    expect([error.code, error.message]).toEqual([
      "IMAGE_INVALID",
      'Cannot decode image "cut .jpg": its JPEG data is damaged or not supported (VipsJpeg: premature end of JPEG image)',
    ]);
  });

  test.each(["sampling_420.jpg", "progressive.jpg", "rgb.png", "lossy.webp", "palette.gif", "rgb.tif"])("%s cut anywhere", async (name) => {
    const file = Buffer.from(pillow.files[name]?.file ?? "", "base64");
    for (let part = 0; part < 24; part++) {
      const cut = file.subarray(0, Math.floor((file.length * part) / 24));
      const image = await decodeImage(cut, { name }).catch((error: unknown) => error);
      // GIF and TIFF may end with bytes that no pixel needs.
      if (!(image instanceof InceptionError)) expect(image).toMatchObject({ width: 23, height: 17 });
    }
  });

  test("random mutations either decode within the limits or give a typed one-line error", async () => {
    const names = ["sampling_420.jpg", "cmyk.jpg", "palette_alpha.png", "lossy.webp", "alpha.webp", "marked.gif", "lzw.tif", "jpeg.tif"];
    const files = names.map((name) => Buffer.from(pillow.files[name]?.file ?? "", "base64"));
    files.push(
      await sharp({ create: { width: 16, height: 16, channels: 3, background: "#123" } })
        .avif()
        .toBuffer(),
    );
    const edits = fc.array(fc.tuple(fc.double({ min: 0, max: 0.9999, noNaN: true }), fc.integer({ min: 0, max: 255 })), {
      minLength: 1,
      maxLength: 6,
    });
    await fc.assert(
      fc.asyncProperty(fc.nat(files.length - 1), edits, fc.double({ min: 0.2, max: 1.6, noNaN: true }), async (index, changes, keep) => {
        const file = Buffer.from(files[index] ?? []);
        // Half of the edits fall on the first 64 bytes, where sizes and offsets are.
        for (const [at, value] of changes) file[Math.floor(at * (value % 2 === 0 ? Math.min(64, file.length) : file.length))] = value;
        const bytes = file.subarray(0, Math.ceil(file.length * Math.min(1, keep)));
        const result = await decodeImage(bytes, { maxPixels: 1e6 }).catch((error: unknown) => error);
        if (result instanceof InceptionError) expect(result.message).not.toMatch(/[\r\n]/);
        else expect(result).toMatchObject({ channels: 3 });
      }),
      { numRuns: 600 },
    );
  });
});

describe("the process around it", () => {
  test("other work goes on while a large image is decoded", async () => {
    const file = await sharp({ create: { width: 6000, height: 4000, channels: 3, background: "#885511" } })
      .png()
      .toBuffer();
    let longest = 0;
    let last = performance.now();
    const timer = setInterval(() => {
      longest = Math.max(longest, performance.now() - last);
      last = performance.now();
    }, 5);
    const started = performance.now();
    await decodeImage(file);
    const took = performance.now() - started;
    clearInterval(timer);
    // A decoder on this thread would leave one gap as long as the whole.
    expect(longest).toBeLessThan(Math.max(100, took / 2));
  });

  test("the image library is loaded by the first image, not by the import", () => {
    const source = readFileSync(path.join(import.meta.dirname, "decode-image.ts"), "utf8");
    expect(source.match(/^import .*"sharp";$/gm)).toEqual([expect.stringMatching(/^import type /)]);
  });
});

interface PngHeader {
  readonly width: number;
  readonly height: number;
  readonly depth: number;
  /** 0 gray, 2 RGB. */
  readonly color: number;
}

/** A PNG of one row (or of none, for headers that lie). */
function pngFile({ width, height, depth, color }: PngHeader, row: Uint8Array, ...chunks: readonly Uint8Array[]): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([depth, color], 8);
  const signature = Buffer.from("\x89PNG\r\n\x1a\n", "latin1");
  const pixels = pngChunk("IDAT", deflateSync(Buffer.concat([Buffer.of(0), row])));
  return Buffer.concat([signature, pngChunk("IHDR", header), ...chunks, pixels, pngChunk("IEND", Buffer.alloc(0))]);
}

function pngChunk(type: string, data: Uint8Array): Buffer {
  const chunk = Buffer.alloc(data.length + 12);
  chunk.writeUInt32BE(data.length, 0);
  chunk.write(type, 4, "latin1");
  chunk.set(data, 8);
  chunk.writeUInt32BE(crc32(chunk.subarray(4, data.length + 8)), data.length + 8);
  return chunk;
}

function bigEndian(values: Uint16Array): Uint8Array {
  return Uint8Array.from([...values].flatMap((value) => [value >> 8, value & 255]));
}
