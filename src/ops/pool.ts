import type { TensorType } from "../tensor/shape.js";
import { exactly, type Site, shapeError, spatialSizes } from "./op.js";
import { type WindowAttributes, windowSizes } from "./window.js";

export interface PoolAttributes extends WindowAttributes {
  /** Round the number of windows up instead of down. */
  readonly ceilMode: boolean;
}

/**
 * Output type of a pooling window: x [N, C, spatial…] → [N, C, out…]. Pads are smaller than the kernel, as every runtime
 * demands: else a window could lie in the padding alone.
 */
export function inferPool(inputs: readonly TensorType[], attributes: PoolAttributes, site: Site): readonly TensorType[] {
  const [x] = exactly(1, inputs, site);
  const sizes = windowSizes(spatialSizes(x.shape, site), attributes, attributes.ceilMode, site);
  const { pads, kernelShape } = attributes;
  if (pads.some((pad, index) => pad >= Number(kernelShape[index % kernelShape.length]))) {
    throw shapeError(site, `pads [${pads.join(", ")}] must be smaller than kernelShape [${kernelShape.join(", ")}]`);
  }
  return [{ dtype: x.dtype, shape: [...x.shape.slice(0, 2), ...sizes] }];
}
