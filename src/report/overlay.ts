import type { Image } from "../data/index.js";
import { percentile } from "../data/volumes/percentile.js";

type Rgb = readonly [red: number, green: number, blue: number];

/** From nothing to most: dark violet over red to light yellow, brighter at every step, so that it reads without colour too. */
const HEAT: readonly Rgb[] = [
  [30, 10, 60],
  [110, 20, 110],
  [190, 55, 85],
  [245, 125, 20],
  [250, 200, 60],
  [255, 250, 190],
];

/** How much of the heat covers the picture where the map is largest. */
const STRONGEST = 0.75;

/** Single pixels of a gradient can be many times as large as all others; so many of a hundred are shown as the largest. */
const SHOWN_ALIKE_PERCENT = 0.5;

/**
 * The picture with a map over it: grey where the map is 0, coloured the more the larger it is. The map is shown as shares of
 * the value that half a percent of its pixels exceed; a map of zeros alone leaves the picture grey.
 */
export function overlay(seen: Image, map: { readonly values: Float32Array }): Image {
  const { width, height, data } = seen;
  const largest = percentile(Float64Array.from(map.values).sort(), 100 - SHOWN_ALIKE_PERCENT);
  const pixels = new Uint8Array(data.length);
  for (let at = 0; at < width * height; at++) {
    const share = largest > 0 ? Math.min(1, (map.values[at] ?? 0) / largest) : 0;
    const [red = 0, green = 0, blue = 0] = [data[3 * at], data[3 * at + 1], data[3 * at + 2]];
    const grey = 0.299 * red + 0.587 * green + 0.114 * blue;
    const cover = STRONGEST * Math.sqrt(share);
    for (const [channel, colour] of heatOf(share).entries()) {
      // Half of its colour is left, so that things can be told apart.
      const base = 0.5 * grey + 0.5 * (data[3 * at + channel] ?? 0);
      pixels[3 * at + channel] = Math.round((1 - cover) * base + cover * colour);
    }
  }
  return { width, height, channels: 3, data: pixels };
}

/** The colour of a share from 0 to 1, between the two that are next to it. */
export function heatOf(share: number): Rgb {
  const place = Math.max(0, Math.min(1, share)) * (HEAT.length - 1);
  const low = HEAT[Math.floor(place)] ?? [0, 0, 0];
  const high = HEAT[Math.ceil(place)] ?? low;
  const part = place - Math.floor(place);
  return [low[0] + part * (high[0] - low[0]), low[1] + part * (high[1] - low[1]), low[2] + part * (high[2] - low[2])];
}
