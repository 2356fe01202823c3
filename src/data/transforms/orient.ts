import { InceptionError } from "../../errors.js";
import { checkRaster, type Raster } from "../image.js";

/** Source pixel of result pixel (x, y) is `start + x * across + y * down`; `w` and `h` are the sides of the source. */
interface Walk {
  readonly turned: boolean;
  readonly start: number;
  readonly across: number;
  readonly down: number;
}

/** The eight values of EXIF tag 274, by where row 0 and column 0 of the stored pixels belong. */
function walkOf(orientation: number, w: number, h: number): Walk | null {
  const last = w * h - 1;
  switch (orientation) {
    case 1: // top, left
      return { turned: false, start: 0, across: 1, down: w };
    case 2: // top, right
      return { turned: false, start: w - 1, across: -1, down: w };
    case 3: // bottom, right
      return { turned: false, start: last, across: -1, down: -w };
    case 4: // bottom, left
      return { turned: false, start: last - w + 1, across: 1, down: -w };
    case 5: // left, top
      return { turned: true, start: 0, across: w, down: 1 };
    case 6: // right, top
      return { turned: true, start: last - w + 1, across: -w, down: 1 };
    case 7: // right, bottom
      return { turned: true, start: last, across: -w, down: -1 };
    case 8: // left, bottom
      return { turned: true, start: w - 1, across: w, down: -1 };
    default:
      return null;
  }
}

/**
 * Turns and mirror stored pixels upright, as EXIF tag 274 (Orientation) asks; 5 to 8 swap width and height.
 *
 * @param orientation 1 to 8; 1 returns the image itself.
 * @throws InceptionError OPTION_INVALID for any other value.
 */
export function orient<C extends number>(image: Raster<C>, orientation: number): Raster<C> {
  checkRaster(image);
  const walk = walkOf(orientation, image.width, image.height);
  if (!walk) {
    throw new InceptionError("OPTION_INVALID", `Cannot apply EXIF orientation ${orientation}: expected an integer from 1 to 8`, {
      orientation,
    });
  }
  if (orientation === 1) return image;
  const { channels } = image;
  const width = walk.turned ? image.height : image.width;
  const height = walk.turned ? image.width : image.height;
  const data = new Uint8Array(image.data.length);
  let to = 0;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const from = (walk.start + x * walk.across + y * walk.down) * channels;
      for (let c = 0; c < channels; c++) data[to++] = image.data[from + c]!;
    }
  }
  return { width, height, channels, data };
}
