/**
 * The decoders of the browser against those of Node, on every JPEG, PNG and WebP file of the shared data: the same pixels,
 * or a typed error. What differs is listed here with the reason, and nothing else may.
 */
import { readdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import * as jpeg from "@jsquash/jpeg/decode.js";
import * as png from "@jsquash/png/decode.js";
import * as webp from "@jsquash/webp/decode.js";
import { beforeAll, describe, expect, test } from "vitest";
import type { Image } from "../../src/data/image.js";
import { sniffImage } from "../../src/data/image-format.js";
import { InceptionError } from "../../src/errors.js";
import { decodeImage } from "../../src/node/decode-image.js";
import { type CodecModules, codecsOf } from "../../src/web/codecs.js";
import { type Codecs, DECODE_LIMITS, decodeFile } from "../../src/web/decode.js";
import { ROOT, sharedPath, titleNeeding } from "../shared.js";

const FOLDERS = ["data/images_awkward", "data/imagenet_samples"];
const found = FOLDERS.map((folder) => sharedPath(folder));

/** Decoded in Node, refused in a page. */
const ONLY_NODE: Readonly<Record<string, string>> = {
  "libjpeg-turbo/testimgari.jpg": "arithmetic coding",
  "pillow/icc_profile_none.png": "a damaged color profile",
  "pillow/iss634.webp": "an animation",
  "pillow/pil_sample_cmyk.jpg": "CMYK",
  "pillow/truncated_end_chunk.png": "the end chunk is cut off",
  "sharp/Channel_digital_image_CMYK_color.jpg": "CMYK",
  "sharp/Channel_digital_image_CMYK_color_no_profile.jpg": "CMYK",
  "sharp/animated-loop-3.webp": "an animation",
  "sharp/big-height.webp": "an animation",
  "sharp/rotating-squares.webp": "an animation",
  "sharp/testimgl.jpg": "lossless JPEG",
};
/** Decoded in a page, refused in Node. */
const ONLY_PAGE: Readonly<Record<string, string>> = {
  "crashers/badadler.png": "the checksum of the pixels is not compared, as in Pillow",
  "crashers/badcrc.png": "the checksum of a chunk is not compared, as in Pillow",
};
/** Decoded by both to other pixels. */
const OTHER_PIXELS: Readonly<Record<string, string>> = {
  "pillow/exif_imagemagick_orientation.png": "the orientation stands in a text chunk, which is not read in a page",
  "pillow/hopper_bad_exif.jpg": "1,215 stray bytes inside the scan: mozjpeg and libjpeg-turbo resume at other places",
};

let codecs: Codecs;
beforeAll(async () => {
  const wasm = (file: string) => WebAssembly.compile(readFileSync(path.join(ROOT, "node_modules/@jsquash", file)));
  const modules: CodecModules = { jpeg, png, webp };
  codecs = codecsOf(modules, {
    jpeg: await wasm("jpeg/codec/dec/mozjpeg_dec.wasm"),
    png: await wasm("png/codec/pkg/squoosh_png_bg.wasm"),
    webp: await wasm("webp/codec/dec/webp_dec.wasm"),
  });
});

describe.skipIf(found.includes(null))(
  titleNeeding("images of the shared data", found.includes(null) ? null : "", FOLDERS.join(" or ")),
  () => {
    test("have the same pixels in a page as in Node", async () => {
      const faults: string[] = [];
      let equal = 0;
      for (const file of found.flatMap((folder) => imagesBelow(folder ?? ""))) {
        const name = file.split("/").slice(-2).join("/");
        const outcome = await compare(file);
        if (outcome === "equal") equal += 1;
        const listed = { "only node": ONLY_NODE, "only page": ONLY_PAGE, "other pixels": OTHER_PIXELS }[outcome as string];
        if (listed !== undefined && listed[name] === undefined) faults.push(`${outcome}: ${name}`);
      }
      expect(faults).toEqual([]);
      expect(equal).toBeGreaterThan(250);
    });
  },
);

type Outcome = "equal" | "both refuse" | "only node" | "only page" | "other pixels";

async function compare(file: string): Promise<Outcome> {
  const bytes = readFileSync(file);
  const here = await decoded(decodeFile(codecs, bytes, "image", DECODE_LIMITS));
  const node = await decoded(decodeImage(bytes));
  if (here === null || node === null) return here === node ? "both refuse" : here === null ? "only node" : "only page";
  const same = here.width === node.width && here.height === node.height && Buffer.compare(here.data, node.data) === 0;
  return same ? "equal" : "other pixels";
}

/** Null for a typed error; any other error fails the test. */
async function decoded(decoding: Promise<Image>): Promise<Image | null> {
  return decoding.catch((thrown: unknown) => {
    if (thrown instanceof InceptionError && !thrown.message.includes("\n")) return null;
    throw thrown;
  });
}

function imagesBelow(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .map((file) => path.join(folder, file))
    .filter((file) => {
      if (!statSync(file).isFile()) return false;
      const sniffed = sniffImage(readFileSync(file).subarray(0, 64));
      return sniffed.kind === "image" && ["JPEG", "PNG", "WebP"].includes(sniffed.format);
    })
    .toSorted();
}
