import { describe, expect, test } from "vitest";
import { rgbImage } from "../data/image.js";
import { fingerprint, laplacianVariance } from "./fingerprint.js";
import { areaAverages, lumaSums, WHOLE } from "./luma-grid.js";
import { hammingDistance, lowFrequencies, perceptualHash } from "./perceptual-hash.js";

/** v[y][x] of a formula, which the Python lines below have too. */
const value = (x: number, y: number) => (7 * y * y + 3 * x * x + 5 * x * y + 11 * x) % 251;
const raster = (width: number, height: number) => ({
  width,
  height,
  channels: 1 as const,
  data: Uint8Array.from({ length: width * height }, (_, at) => value(at % width, Math.floor(at / width))),
});

describe("hash", () => {
  // import numpy as np; from scipy.fft import dctn   (SciPy 1.10)
  // v = np.array([[(7*y*y + 3*x*x + 5*x*y + 11*x) % 251 for x in range(32)] for y in range(32)], float)
  test("frequencies are those of SciPy's transform", () => {
    // (dctn(v, type=2)[:8, :8] / 4)[0] and [3]
    const first = [127926.0, -1370.4813, -1200.9032, -2533.687, -14.1061, -4676.585, 792.2781, -2320.753];
    const fourth = [-2218.5973, -248.8968, 342.9764, -801.8885, -245.1899, -369.473, -873.9759, -1295.3871];
    const found = lowFrequencies(Float64Array.from(raster(32, 32).data));
    for (const [u, expected] of first.entries()) expect(found[u]).toBeCloseTo(expected, 3);
    for (const [u, expected] of fourth.entries()) expect(found[24 + u]).toBeCloseTo(expected, 3);
  });

  test("bits are those of ImageHash's formula, also of the mirrored image", () => {
    // f = dctn(v, type=2)[:8, :8]; bits = f > np.median(f); the same for v[:, ::-1]
    const { hash, mirrored } = perceptualHash(lumaSums(raster(32, 32)), WHOLE);
    expect(hash).toEqual([0x8a24976c, 0x47fd168d]);
    expect(mirrored).toEqual([0xdf75d275, 0x1510415d]);
    expect(hammingDistance([0xf0000001, 1], [0, 3])).toBe(6);
  });
});

test("area averages are those of a grid of 60 times as many points", () => {
  const grid = raster(13, 11);
  const part = { left: 0.15, top: 0.1, width: 0.7, height: 0.85 };
  const averages = areaAverages(lumaSums(grid), part, 4);
  const POINTS = 240;
  for (const [at, average] of averages.entries()) {
    let sum = 0;
    for (let i = 0; i < POINTS; i++) {
      for (let j = 0; j < POINTS; j++) {
        const x = 13 * (part.left + (part.width * ((at % 4) + (i + 0.5) / POINTS)) / 4);
        const y = 11 * (part.top + (part.height * (Math.floor(at / 4) + (j + 0.5) / POINTS)) / 4);
        sum += grid.data[Math.floor(y) * 13 + Math.floor(x)]!;
      }
    }
    expect(Math.abs(average - sum / POINTS ** 2)).toBeLessThan(0.6);
  }
  expect(areaAverages(lumaSums(grid), part, 2, true)).toEqual(
    Float64Array.from([1, 0, 3, 2], (at) => areaAverages(lumaSums(grid), part, 2)[at]!),
  );
});

test("sharpness is the variance of the Laplacian", () => {
  // from scipy.ndimage import convolve; convolve(v[:20, :17], [[0,1,0],[1,-4,1],[0,1,0]])[1:-1, 1:-1].var()
  expect(laplacianVariance(raster(17, 20))).toBeCloseTo(132311.6063237311, 6);
  expect(laplacianVariance(raster(2, 20))).toBe(0);
});

test("brightness and contrast of a fingerprint", () => {
  const half = Uint8Array.from({ length: 3 * 64 * 64 }, (_, at) => (at < 1.5 * 64 * 64 ? 255 : 0));
  const { width, height, brightness, contrast } = fingerprint(rgbImage(64, 64, half));
  expect([width, height, brightness, contrast]).toEqual([64, 64, 0.5, 0.5]);
  const gray = fingerprint(rgbImage(1, 1, Uint8Array.of(51, 51, 51)));
  expect([gray.brightness, gray.contrast, gray.sharpness]).toEqual([0.2, 0, 0]);
  expect(fingerprint(rgbImage(2, 1, Uint8Array.of(255, 0, 51, 0, 0, 51))).color).toEqual([0.5, 0, 0.2]);
});
