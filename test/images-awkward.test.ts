/**
 * Every awkward image of the shared data: it decodes to the size, orientation and bytes that Pillow gives, or fails with
 * a typed one-line error, in bounded time. What differs from Pillow is listed here with the reason, and nothing else may.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { InceptionError } from "../src/errors.js";
import { decodeImage } from "../src/node/decode-image.js";
import { goldenPath, sharedPath, titleNeeding } from "./shared.js";

const DATA = "data/images_awkward";
const folder = sharedPath(DATA);

interface PillowSays {
  readonly mode?: string;
  readonly width?: number;
  readonly height?: number;
  readonly sha256?: string;
  readonly error?: string;
}
// Made by tools/goldens/images_awkward.py; its shape is stated above.
const pillow = (
  JSON.parse(readFileSync(goldenPath("images_awkward.json"), "utf8")) as { readonly files: Readonly<Record<string, PillowSays>> }
).files;

/** Decoded here, refused by Pillow 12.3. */
const ONLY_HERE: Readonly<Record<string, string>> = {
  "pillow/truncated_end_chunk.png": "all pixels are there; Pillow fails at the missing end when it looks for EXIF behind them",
  "png_crashers/crashers/empty_ancillary_chunks.png": "chunks that carry no pixels are empty; libpng skips them",
};

/** Refused here, decoded by Pillow 12.3. */
const ONLY_PILLOW: Readonly<Record<string, string>> = {
  "libjpeg-turbo/testorig.ppm": "portable anymaps are not among the formats",
  "pillow/broken_data_stream.png": "the pixel data is damaged; Pillow fills in what is missing",
  "pillow/star.avifs": "AVIF sequences are not among the formats",
  "png_crashers/crashers/badadler.png": "the checksum of the pixels is wrong; Pillow does not look",
  "png_crashers/crashers/badcrc.png": "the checksum of a chunk is wrong; Pillow does not look",
  "png_crashers/crashers/huge_IDAT.png": "the pixel data ends early; Pillow fills in what is missing",
};

/** Decoded by both to the same size with other bytes. */
const OTHER_BYTES: Readonly<Record<string, string>> = {
  "pillow/16bit.cropped.tif": "16-bit gray: the upper 8 bits here, cut off at 255 in Pillow",
  "pillow/exif.avif": "AVIF: another library than Pillow's, with other rounding of colors",
  "pillow/hopper.avif": "AVIF: as above",
  "pillow/icc_profile.avif": "AVIF: as above",
  "pillow/rot1mir0.avif": "AVIF: as above",
  "pillow/rot3mir1.avif": "AVIF: as above",
  "pillow/transparency.avif": "AVIF: as above",
  "pngsuite/basn0g16.png": "16-bit gray",
  "pngsuite/ftbwn0g16.png": "16-bit gray",
  "pngsuite/ibasn0g16.png": "16-bit gray",
  "pngsuite/iftbwn0g16.png": "16-bit gray",
  "sharp/pitm.avif": "AVIF: as above",
  "sharp/sdr_cosmos12920_cicp1-13-6_yuv444_full_qp10.avif": "AVIF: as above",
};

// The largest image that is decoded has 4096 x 800 pixels and takes a quarter of a second.
const MAX_MS = 5000;

describe.skipIf(folder === null)(titleNeeding("awkward images", folder, DATA), () => {
  test.each(Object.entries(pillow))("%s", async (name, expected) => {
    const file = path.join(folder ?? "", name);
    const started = performance.now();
    const [settled] = await Promise.allSettled([decodeImage(file)]);
    expect(performance.now() - started).toBeLessThan(MAX_MS);
    if ((expected.error !== undefined && !(name in ONLY_HERE)) || name in ONLY_PILLOW) {
      const reason: unknown = settled.status === "rejected" ? settled.reason : null;
      if (!(reason instanceof InceptionError)) throw new Error("expected a typed refusal", { cause: reason });
      expect(reason.message).not.toMatch(/[\r\n]/);
      expect(reason.message).toContain(`"${file}"`);
      return;
    }
    if (settled.status === "rejected") throw settled.reason;
    if (name in ONLY_HERE) return;
    const { width, height, data } = settled.value;
    expect([width, height]).toEqual([expected.width, expected.height]);
    const same = createHash("sha256").update(data).digest("hex") === expected.sha256;
    expect(same).toBe(!(name in OTHER_BYTES));
  });

  test("the golden file knows every file of the folder, with the size that contents.tsv states", () => {
    const rows = readFileSync(path.join(folder ?? "", "contents.tsv"), "utf8")
      .trim()
      .split("\n");
    expect(rows.map((row) => row.split("\t")[0])).toEqual(Object.keys(pillow));
    for (const row of rows) {
      const [name = "", , , says = ""] = row.split("\t");
      const size = /'size': \((\d+), (\d+)\)/.exec(says);
      const expected = pillow[name];
      if (!size || expected?.width === undefined) continue;
      const turned = /'orient': [5678]/.test(says);
      expect([expected.width, expected.height].map(String), name).toEqual(turned ? [size[2], size[1]] : [size[1], size[2]]);
    }
  });
});
