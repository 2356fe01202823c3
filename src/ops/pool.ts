import type { TensorType } from "../tensor/shape.js";
import { exactly, type Site, spatialSizes } from "./op.js";
import { type WindowAttributes, windowSizes } from "./window.js";

export interface PoolAttributes extends WindowAttributes {
  /** Round the number of windows up instead of down. */
  readonly ceilMode: boolean;
}

/** Output type of a pooling window: x [N, C, spatial…] → [N, C, out…]. */
export function inferPool(inputs: readonly TensorType[], attributes: PoolAttributes, site: Site): readonly TensorType[] {
  const [x] = exactly(1, inputs, site);
  const sizes = windowSizes(spatialSizes(x.shape, site), attributes, attributes.ceilMode, site);
  return [{ dtype: x.dtype, shape: [...x.shape.slice(0, 2), ...sizes] }];
}
