import type { Volume } from "../../data/index.js";
import { fillHoles, keepLargestComponents } from "../../segment/index.js";

/** How label maps are postprocessed. */
export interface PostprocessingOptions {
  /** Keep of each label the largest part whose voxels share faces, edges or corners; the others become background. Default false. */
  readonly largestComponent?: boolean;
  /** Give background that a label encloses to the label. Default false. */
  readonly fillHoles?: boolean;
}

/**
 * Clean label values on the grid of the file: largest components first, so that a part which goes leaves no hole.
 *
 * @param values - of the classes, the background first
 */
export function postprocessLabels(volume: Volume, values: readonly number[], choices: PostprocessingOptions): Volume {
  const { largestComponent = false, fillHoles: fill = false } = choices;
  if (!largestComponent && !fill) return volume;
  // Components and holes know the background as 0, files may have another value for it.
  const classes = new Map(values.map((value, index) => [value, index]));
  const indices = Int32Array.from(volume.data, (value) => classes.get(value) ?? 0);
  const kept = largestComponent ? keepLargestComponents(indices, volume.shape) : indices;
  const filled = fill ? fillHoles(kept, volume.shape) : kept;
  const data = volume.data.slice();
  for (let i = 0; i < data.length; i++) data[i] = values[filled[i] ?? 0] ?? 0;
  return { ...volume, data };
}
