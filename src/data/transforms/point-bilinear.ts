/**
 * Bilinear sampling without antialiasing: each result pixel is interpolated between its two by two neighbors, however much
 * the image shrinks. TensorFlow 1 (slim) and PyTorch's `interpolate` (pytorch-fid) differ only in where they sample.
 */
import type { FloatRaster, Raster } from "../image.js";
import { type TargetSize, wantedWindow } from "./target.js";

/**
 * "tf1_bilinear": result pixel i is sampled at i * scale, as `tf.image.resize_bilinear(align_corners=False)` of TensorFlow 1 does.
 * "torch_bilinear": at (i + 0.5) * scale - 0.5, not below 0, as `torch.nn.functional.interpolate(align_corners=False)` does.
 */
export type PointFilter = "tf1_bilinear" | "torch_bilinear";

/** A target size with a filter that samples without smoothing. */
export interface PointTarget extends TargetSize {
  readonly filter: PointFilter;
}

/**
 * Resizes by sampling; the values stay floats on the scale of the input, since neither tool rounds them.
 *
 * @throws InceptionError OPTION_INVALID when a size is no positive integer or the window leaves the result,
 * IMAGE_LIMIT when what is wanted has more than 100 megapixels.
 */
export function resizePointBilinear<C extends number>(image: Raster<C> | FloatRaster<C>, target: PointTarget): FloatRaster<C> {
  const window = wantedWindow(image, target);
  const { channels, data } = image;
  const columns = samples(image.width, target.width, window.left, window.width, target.filter);
  const rows = samples(image.height, target.height, window.top, window.height, target.filter);
  const result = new Float32Array(window.width * window.height * channels);
  let to = 0;
  for (let y = 0; y < window.height; y++) {
    const upper = rows.low[y]! * image.width;
    const lower = rows.high[y]! * image.width;
    const down = rows.fraction[y]!;
    for (let x = 0; x < window.width; x++) {
      const left = columns.low[x]!;
      const right = columns.high[x]!;
      const across = columns.fraction[x]!;
      for (let c = 0; c < channels; c++) {
        const topLeft = data[(upper + left) * channels + c]!;
        const bottomLeft = data[(lower + left) * channels + c]!;
        const top = topLeft + (data[(upper + right) * channels + c]! - topLeft) * across;
        const bottom = bottomLeft + (data[(lower + right) * channels + c]! - bottomLeft) * across;
        result[to++] = top + (bottom - top) * down;
      }
    }
  }
  return { width: window.width, height: window.height, channels, data: result };
}

interface Samples {
  readonly low: Int32Array;
  readonly high: Int32Array;
  readonly fraction: Float32Array;
}

/** Positions are computed in single precision, as both tools do: in double some would fall on the other side of a pixel. */
function samples(inSize: number, outSize: number, from: number, length: number, filter: PointFilter): Samples {
  const low = new Int32Array(length);
  const high = new Int32Array(length);
  const fraction = new Float32Array(length);
  const scale = Math.fround(inSize / outSize);
  for (let i = 0; i < length; i++) {
    const index = from + i;
    const at = filter === "tf1_bilinear" ? Math.fround(index * scale) : Math.max(0, Math.fround(Math.fround((index + 0.5) * scale) - 0.5));
    const floor = Math.min(inSize - 1, Math.floor(at));
    low[i] = floor;
    high[i] = Math.min(inSize - 1, floor + 1);
    fraction[i] = at - floor;
  }
  return { low, high, fraction };
}
