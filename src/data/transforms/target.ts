import { InceptionError } from "../../errors.js";
import { formatCount } from "../../text.js";
import { checkRaster, type FloatRaster, type Raster } from "../image.js";
import type { Window } from "./crop.js";

/** Size of the result of a resize. */
export interface TargetSize {
  /** Pixels of the whole resized image. */
  readonly width: number;
  readonly height: number;
  /** The part of the resized image that is wanted; the whole by default. The rest is not computed. */
  readonly window?: Window;
}

/** Largest result, in pixels. More than any network takes; keeps a mistaken size from asking for gigabytes. */
const MAX_RESULT_PIXELS = 1e8;

/** Check image and target before memory is taken, and return the wanted window. Throws what `resize` documents. */
export function wantedWindow(image: Raster | FloatRaster, target: TargetSize): Window {
  checkRaster(image);
  const { width, height } = target;
  const window = target.window ?? { left: 0, top: 0, width, height };
  const whole = [width, height, window.left, window.top, window.width, window.height].every(Number.isSafeInteger);
  const inside = window.left >= 0 && window.top >= 0 && window.left + window.width <= width && window.top + window.height <= height;
  if (!whole || !inside || window.width < 1 || window.height < 1) {
    throw new InceptionError(
      "OPTION_INVALID",
      `Cannot resize to ${width} x ${height} with the window ${window.width} x ${window.height} at ${window.left}, ${window.top}: expected positive integers and a window inside the result`,
      { width, height, window },
    );
  }
  if (window.width * window.height > MAX_RESULT_PIXELS) {
    throw new InceptionError(
      "IMAGE_LIMIT",
      `Cannot resize to ${window.width} x ${window.height} pixels: the limit is ${formatCount(MAX_RESULT_PIXELS)} pixels`,
      {
        width: window.width,
        height: window.height,
        limit: MAX_RESULT_PIXELS,
      },
    );
  }
  return window;
}
