/** Maps of explanations over the picture that the network received. */
import { type Image, resize, resizeFloat } from "../data/index.js";
import { percentile } from "../data/volumes/percentile.js";
import type { ExplanationName } from "../explain/index.js";
import { HEAT_STOPS, rgbOf } from "./tokens.js";

type Rgb = readonly [red: number, green: number, blue: number];

const HEAT: readonly Rgb[] = HEAT_STOPS.map(rgbOf);

/** How much of the heat covers the picture where the map is largest. */
const OPACITY = 0.75;
/** A little below the largest value the cover is complete. */
const COVER_GAIN = 1.15;
/** Single pixels of a gradient can be many times as large as all others; so many of a hundred are shown as the largest. */
const SHOWN_ALIKE_PERCENT = 0.5;

/** A map, one value for each pixel of the network's input. */
export interface HeatMap {
  readonly method: ExplanationName;
  /** At least 0; row by row from the top. */
  readonly values: Float32Array;
  readonly width: number;
  readonly height: number;
}

/**
 * A picture with a map over it: without heat where the map is 0, covered the more the larger it is, by a fraction of the value
 * that half a percent of its pixels exceed. Half of the picture's color is taken away, so that the heat stands out.
 *
 * @param picture - of any size: what the network received, or enlarged
 */
export function overlay(picture: Image, map: HeatMap): Image {
  const { width, height, data } = picture;
  const values = enlarged(map, width, height);
  const largest = percentile(Float64Array.from(map.values).sort(), 100 - SHOWN_ALIKE_PERCENT);
  const pixels = new Uint8Array(data.length);
  for (let at = 0; at < width * height; at++) {
    const fraction = largest > 0 ? Math.min(1, (values[at] ?? 0) / largest) : 0;
    const [red = 0, green = 0, blue = 0] = [data[3 * at], data[3 * at + 1], data[3 * at + 2]];
    const gray = 0.299 * red + 0.587 * green + 0.114 * blue;
    const cover = OPACITY * Math.min(1, COVER_GAIN * fraction);
    for (const [channel, color] of heatOf(fraction).entries()) {
      const base = 0.5 * gray + 0.5 * (data[3 * at + channel] ?? 0);
      pixels[3 * at + channel] = Math.round((1 - cover) * base + cover * color);
    }
  }
  return { width, height, channels: 3, data: pixels };
}

/** Grad-CAM is interpolated, as it is defined; squares of occlusion and pixels of gradients are shown as they are. */
function enlarged({ method, values, width, height }: HeatMap, toWidth: number, toHeight: number): Float32Array {
  if (width === toWidth && height === toHeight) return values;
  const filter = method === "grad_cam" ? "bilinear" : "nearest";
  return resizeFloat({ width, height, channels: 1, data: values }, { width: toWidth, height: toHeight, filter }).data;
}

/** The color of a fraction from 0 to 1, between the two stops next to it. */
export function heatOf(fraction: number): Rgb {
  const place = Math.max(0, Math.min(1, fraction)) * (HEAT.length - 1);
  const low = HEAT[Math.floor(place)] ?? [0, 0, 0];
  const high = HEAT[Math.ceil(place)] ?? low;
  const part = place - Math.floor(place);
  return [low[0] + part * (high[0] - low[0]), low[1] + part * (high[1] - low[1]), low[2] + part * (high[2] - low[2])];
}

/** In a smaller picture the details of a map cannot be seen. */
const MIN_PIXELS = 448;

/** A picture, enlarged by an integer factor where it is small. */
export function enlargedPicture(picture: Image): Image {
  const factor = Math.ceil(MIN_PIXELS / Math.max(picture.width, picture.height));
  if (factor <= 1) return picture;
  return resize(picture, { width: picture.width * factor, height: picture.height * factor, filter: "lanczos" });
}
