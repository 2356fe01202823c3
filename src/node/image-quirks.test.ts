import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { gifFirstFrame, pngTextOrientation } from "./image-quirks.js";

describe("the first frame of a GIF", () => {
  const screen = [...Buffer.from("GIF89a"), 9, 0, 8, 0, 0x80, 0, 0, 1, 2, 3, 4, 5, 6];
  const control = (flags: number, index: number) => [0x21, 0xf9, 4, flags, 0, 0, index, 0];
  const frame = [0x2c, 1, 0, 2, 0, 3, 0, 4, 0, 0];

  test("has the color of the marked entry, or of the first", () => {
    const place = { left: 1, top: 2, width: 3, height: 4 };
    expect(gifFirstFrame(Uint8Array.from([...screen, ...frame]))).toEqual({ ...place, hidden: [1, 2, 3] });
    expect(gifFirstFrame(Uint8Array.from([...screen, ...control(1, 1), ...frame]))).toEqual({ ...place, hidden: [4, 5, 6] });
    expect(gifFirstFrame(Uint8Array.from([...screen, ...control(0, 1), ...frame]))).toEqual({ ...place, hidden: [1, 2, 3] });
    const comment = [0x21, 0xfe, 2, 0x2c, 0x2c, 1, 7, 0];
    expect(gifFirstFrame(Uint8Array.from([...screen, ...control(1, 1), ...comment, ...frame]))?.hidden).toEqual([4, 5, 6]);
  });

  test("may have a palette of its own, or an entry that is in none", () => {
    const own = [...frame.slice(0, 9), 0x80, 11, 12, 13, 14, 15, 16];
    expect(gifFirstFrame(Uint8Array.from([...screen, ...own]))?.hidden).toEqual([11, 12, 13]);
    expect(gifFirstFrame(Uint8Array.from([...screen, ...control(1, 200), ...frame]))?.hidden).toBe(null);
  });

  test("is absent from anything else, without an error", () => {
    expect(gifFirstFrame(Uint8Array.from([...screen, 0x3b]))).toBe(null);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (tail) => {
        expect(() => gifFirstFrame(Uint8Array.from([...screen, 0x21, 0xf9, ...tail]))).not.toThrow();
        expect(() => gifFirstFrame(tail)).not.toThrow();
      }),
    );
  });
});

describe("the orientation in a PNG text chunk", () => {
  const written = (hex: string) => [{ keyword: "Raw profile type exif", text: `\nexif\n      ${hex.length / 2}\n${hex}\n` }];
  const entry = "01120003000000010008";

  test("is read in both byte orders, with and without the JPEG marker", () => {
    expect(pngTextOrientation(written(`4d4d002a00000008 0001 ${entry} 0000 00000000`.replaceAll(" ", "")))).toBe(8);
    expect(pngTextOrientation(written("49492a0008000000010012010300010000000300000000000000"))).toBe(3);
    expect(pngTextOrientation(written(`4578696600004d4d002a000000080001${entry}000000000000`))).toBe(8);
  });

  test("is 1 where there is none or it is damaged", () => {
    expect(pngTextOrientation([])).toBe(1);
    expect(pngTextOrientation([{ keyword: "Comment", text: "4d4d" }])).toBe(1);
    expect(pngTextOrientation(written("xyz"))).toBe(1);
    expect(pngTextOrientation(written("4d4d002affffffff"))).toBe(1);
    expect(pngTextOrientation(written("4d4d002a000000080001011200030000000100090000"))).toBe(1);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        const value = pngTextOrientation(written(Buffer.from(bytes).toString("hex")));
        expect(value >= 1 && value <= 8).toBe(true);
      }),
    );
  });
});
