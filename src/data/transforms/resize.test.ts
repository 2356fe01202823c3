import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { goldenPath } from "../../../test/shared.js";
import type { Raster } from "../image.js";
import { crop } from "./crop.js";
import { type PillowFilter, type ResizeTarget, resize, resizeFloat } from "./resize.js";

interface ResizeGoldens {
  readonly images: Readonly<
    Record<string, { readonly h: number; readonly w: number; readonly c: number; readonly data: readonly number[] }>
  >;
  readonly uint8: readonly (ResizeCase & { readonly image: string })[];
  readonly float_image: { readonly h: number; readonly w: number; readonly data: readonly number[] };
  readonly float_mode_F: readonly ResizeCase[];
}
interface ResizeCase {
  readonly filter: PillowFilter;
  readonly out_h: number;
  readonly out_w: number;
  readonly out: readonly number[];
}

// Numbers of Pillow 9.4; the file is ours and its shape is stated above.
const goldens = JSON.parse(readFileSync(goldenPath("ops/pil_resize.json"), "utf8")) as ResizeGoldens;

function golden(name: string): Raster {
  const image = goldens.images[name];
  if (!image) throw new Error(`no golden image ${name}`);
  return { width: image.w, height: image.h, channels: image.c, data: Uint8Array.from(image.data) };
}

describe("equal to Pillow", () => {
  test.each(goldens.uint8.map((each) => [`${each.image} to ${each.out_h} x ${each.out_w}, ${each.filter}`, each] as const))(
    "8 bit: %s",
    (_, { image, filter, out_h, out_w, out }) => {
      const result = resize(golden(image), { width: out_w, height: out_h, filter });
      expect([result.height, result.width]).toEqual([out_h, out_w]);
      expect([...result.data]).toEqual(out);
    },
  );

  test.each(goldens.float_mode_F.map((each) => [`${each.out_h} x ${each.out_w}, ${each.filter}`, each] as const))(
    "float: %s, without tolerance",
    (_, { filter, out_h, out_w, out }) => {
      const { w, h, data } = goldens.float_image;
      const result = resizeFloat(
        { width: w, height: h, channels: 1, data: Float32Array.from(data) },
        { width: out_w, height: out_h, filter },
      );
      expect([...result.data]).toEqual([...Float32Array.from(out)]);
    },
  );
});

const FILTERS: readonly PillowFilter[] = ["nearest", "box", "bilinear", "hamming", "bicubic", "lanczos"];
const side = fc.integer({ min: 1, max: 40 });

function noise(width: number, height: number, channels: number): Raster {
  return {
    width,
    height,
    channels,
    data: Uint8Array.from({ length: width * height * channels }, (_, i) => (Math.imul(i, 2654435761) >>> 13) & 255),
  };
}

test("a window is cut out of the whole, for 8 bit and float", () => {
  fc.assert(
    fc.property(
      fc.record({
        w: side,
        h: side,
        channels: fc.integer({ min: 1, max: 4 }),
        width: side,
        height: side,
        filter: fc.constantFrom(...FILTERS),
      }),
      fc.array(fc.double({ min: 0, max: 0.999, noNaN: true }), { minLength: 4, maxLength: 4 }),
      ({ w, h, channels, width, height, filter }, [a = 0, b = 0, c = 0, d = 0]) => {
        const image = noise(w, h, channels);
        const left = Math.floor(a * width);
        const top = Math.floor(b * height);
        const window = { left, top, width: 1 + Math.floor(c * (width - left)), height: 1 + Math.floor(d * (height - top)) };
        const whole = resize(image, { width, height, filter });
        expect(resize(image, { width, height, filter, window })).toEqual(crop(whole, window));
        const floats = { ...image, data: Float32Array.from(image.data) };
        const part = resizeFloat(floats, { width, height, filter, window });
        const full = resizeFloat(floats, { width, height, filter });
        const row = (y: number) => ((y + top) * width + left) * channels;
        for (let y = 0; y < window.height; y++) {
          const cut = full.data.subarray(row(y), row(y) + window.width * channels);
          expect(part.data.subarray(y * cut.length, (y + 1) * cut.length)).toEqual(cut);
        }
      },
    ),
    { numRuns: 200 },
  );
});

test("channels do not mix: three planes resized alone are the planes of the image", () => {
  const image = noise(31, 23, 3);
  const target = { width: 17, height: 40, filter: "bicubic" } as const;
  const together = resize(image, target).data;
  for (let c = 0; c < 3; c++) {
    const plane = { width: 31, height: 23, channels: 1, data: image.data.filter((_, i) => i % 3 === c) };
    expect(together.filter((_, i) => i % 3 === c)).toEqual(resize(plane, target).data);
  }
});

test("the result never shares memory with the image", () => {
  const image = noise(4, 4, 3);
  for (const filter of FILTERS) {
    const copy = resize(image, { width: 4, height: 4, filter });
    expect(copy.data).toEqual(image.data);
    expect(copy.data.buffer).not.toBe(image.data.buffer);
  }
});

describe("refusals", () => {
  const image = noise(4, 4, 3);
  const refuse = (target: ResizeTarget, message: string, of: Raster = image) => expect(() => resize(of, target)).toThrowError(message);

  test("sizes that are none", () => {
    refuse(
      { width: 0, height: 4, filter: "box" },
      "Cannot resize to 0 x 4 with the window 0 x 4 at 0, 0: expected positive integers and a window inside the result",
    );
    refuse(
      { width: 2.5, height: 4, filter: "box" },
      "Cannot resize to 2.5 x 4 with the window 2.5 x 4 at 0, 0: expected positive integers and a window inside the result",
    );
    refuse(
      { width: 8, height: 8, filter: "box", window: { left: 5, top: 0, width: 4, height: 4 } },
      "Cannot resize to 8 x 8 with the window 4 x 4 at 5, 0: expected positive integers and a window inside the result",
    );
  });

  test("results and strips that would take gigabytes", () => {
    refuse({ width: 20000, height: 20000, filter: "bilinear" }, "Cannot resize to 20000 x 20000 pixels: the limit is 100,000,000 pixels");
    const strip: Raster = { width: 1, height: 2_000_000, channels: 1, data: new Uint8Array(2_000_000) };
    refuse(
      { width: 299, height: 299, filter: "bilinear" },
      "Cannot resize an image of 1 x 2000000 pixels to 299 x 299 of 299 x 299: it needs 598,000,000 values between the two passes and 4,000,321 weights, the limits are 268,435,456 and 8,388,608",
      strip,
    );
  });

  test("a strip is fine where only its middle is wanted", () => {
    const strip: Raster = { width: 2, height: 100_000, channels: 3, data: new Uint8Array(600_000).fill(7) };
    const window = { left: 0, top: 8_000_000, width: 299, height: 299 };
    expect(resize(strip, { width: 299, height: 14_950_000, filter: "bicubic", window }).data.every((value) => value === 7)).toBe(true);
  });
});
