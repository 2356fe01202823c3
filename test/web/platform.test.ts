/** What a page reads and decodes, in headless Chromium without a bundler. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import path from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { decodeImage } from "../../src/node/decode-image.js";
import { ROOT } from "../shared.js";
import { type BrowserPage, chromiumPath, chromiumTitle, openBrowserPage } from "./browser.js";
import type { Pixels, VideoFrame } from "./platform-page.js";

const PAGE = "/test/web/platform-page.js";
const PHOTO = "/examples/digits/images/7-a.png";
const MODEL = "/examples/digits/digits.onnx";
const photo = readFileSync(path.join(ROOT, PHOTO));
const model = readFileSync(path.join(ROOT, MODEL));
const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

describe.skipIf(chromiumPath === null)(chromiumTitle("in headless Chromium"), () => {
  let page: BrowserPage;
  beforeAll(async () => {
    page = await openBrowserPage();
  });
  afterAll(() => page?.close());

  test("every form of an image has the pixels that Node decodes", async () => {
    const { width, height, data } = await decodeImage(photo);
    const expected: Pixels = { width, height, sha256: sha256(data) };
    const forms = ["url", "text", "blob", "file", "bytes", "element", "bitmap", "canvas", "offscreen", "imageData"];
    expect(await page.call(PAGE, "decodeInputs", PHOTO)).toEqual(Object.fromEntries(forms.map((form) => [form, expected])));
  });

  test("a video gives the frame that it shows", async () => {
    const { width, height, left, right } = (await page.call(PAGE, "readVideoFrame")) as VideoFrame;
    expect([width, height]).toEqual([64, 48]);
    const errors = [...left, ...right].map((value, index) => Math.abs(value - ([200, 30, 30, 30, 30, 200][index] ?? Number.NaN)));
    // Videos lose some color.
    expect(Math.max(...errors)).toBeLessThan(16);
  });

  test("what is no image, too large or late fails with a message", async () => {
    const jpeg = await sharp({ create: { width: 60, height: 40, channels: 3, background: "#123456" } })
      .jpeg()
      .toBuffer();
    const small = await sharp({ create: { width: 6, height: 4, channels: 3, background: "#123456" } })
      .jpeg()
      .toBuffer();
    const files = {
      empty: [],
      text: [...Buffer.from("this is text")],
      gif: [...Buffer.from("GIF89a......")],
      large: [...jpeg],
      header: [...small.subarray(0, 20)],
      cut: [...small.subarray(0, -20)],
    };
    expect(await page.call(PAGE, "decodingFailures", files)).toEqual([
      'Cannot decode image "empty": the file is empty',
      'Cannot decode image "text": the content matches no supported image format, supported are JPEG, PNG, WebP',
      'Cannot decode image "gif": the content is GIF, supported are JPEG, PNG, WebP',
      'Cannot decode image "large": 60 x 40 is 2,400 pixels, the limit is 1,000',
      'Cannot decode image "header": its JPEG header is damaged',
      'Cannot decode image "cut": its JPEG data is damaged or not supported (Premature end of JPEG file)',
      "stopped",
    ]);
  });

  test("a file is read in parts, by URL and from a Blob", async () => {
    const expected = [...model.subarray(3, 7), ...model.subarray(-2)];
    expect(await page.call(PAGE, "readRanges", MODEL)).toEqual({
      sizes: [model.length, model.length],
      remote: expected,
      local: expected,
      progress: [
        { received: 4, total: model.length },
        { received: 6, total: model.length },
      ],
    });
  });

  test("a file that is absent, too large or not wanted any more fails with a message", async () => {
    const size = model.length;
    expect(await page.call(PAGE, "sourceFailures", MODEL)).toEqual([
      'Cannot open "/dist/none.onnx": the server returned 404',
      `Cannot read "${MODEL}": it has ${size.toLocaleString("en-US")} bytes, the limit is 10 (option maxBytes)`,
      "stopped",
    ]);
  });

  test("a model that changes on the server is fetched again", async () => {
    expect(await page.call(PAGE, "useChanged", "/counted", "/counted/next")).toEqual([
      { text: "version 1", cached: false },
      { text: "version 1", cached: true },
      { text: "version 2", cached: false },
      { text: "version 2", cached: true },
    ]);
  });

  test("a model is kept with its hash, and fetched again where the kept one was changed", async () => {
    const read = { size: model.length, sha256: sha256(model) };
    expect(await page.call(PAGE, "useCache", MODEL)).toEqual([
      { ...read, cached: false },
      { ...read, cached: true },
      { ...read, cached: false },
    ]);
  });
});
