import { at } from "../../tensor/at.js";
import { type Fixed, type LoweredAttribute, type LoweredNode, type LowerSite, type Site, shapeError, spatialSizes } from "../op.js";
import { lowerWindow, type WindowAttributes, windowSizes } from "./window.js";

export interface PoolAttributes extends WindowAttributes {
  /** Round the number of windows up instead of down. */
  readonly ceilMode: boolean;
}

/**
 * Output type of a pooling window: x [N, C, spatial…] → [N, C, out…]. Pads are smaller than the kernel, as every runtime
 * demands: else a window could lie in the padding alone.
 */
export function inferPool([x]: Fixed<1>, attributes: PoolAttributes, site: Site): Fixed<1> {
  const sizes = windowSizes(spatialSizes(x.shape, site), attributes, attributes.ceilMode, site);
  const { pads, kernelShape } = attributes;
  if (pads.some((pad, index) => pad >= Number(kernelShape[index % kernelShape.length]))) {
    throw shapeError(site, `pads [${pads.join(", ")}] must be smaller than kernelShape [${kernelShape.join(", ")}]`);
  }
  return [{ dtype: x.dtype, shape: [...x.shape.slice(0, 2), ...sizes] }];
}

/** The window and its rounding as ONNX attributes. */
export function lowerPool(attributes: PoolAttributes): Readonly<Record<string, LoweredAttribute>> {
  return { ...lowerWindow(attributes), ceil_mode: { int: attributes.ceilMode ? 1 : 0 } };
}

/** The pooling along some axes alone: a box is pooled along one axis after the other, also with a mean, whose count is a product. */
export function poolAlong(attributes: PoolAttributes, isPooled: (axis: number) => boolean): PoolAttributes {
  const rank = attributes.kernelShape.length;
  const only = (values: readonly number[], other: number): readonly number[] =>
    values.map((value, index) => (isPooled(index % rank) ? value : other));
  const { kernelShape, strides, pads, dilations, ceilMode } = attributes;
  return { kernelShape: only(kernelShape, 1), strides: only(strides, 1), pads: only(pads, 0), dilations: only(dilations, 1), ceilMode };
}

/**
 * One pooling, or two that are the same, which every runtime sizes as we do. Where the last window would start in the
 * end padding, our constraint and ONNX Runtime's kernels drop it, but its static shapes (1.30) do not, and a graph with numbers
 * for sizes is refused. Rounding down gives the same windows on such an axis; if another axis needs rounding up, that
 * one is pooled first.
 */
export function poolStages(sizes: readonly number[], attributes: PoolAttributes): readonly PoolAttributes[] {
  if (!attributes.ceilMode) return [attributes];
  const windows = windowSizes(sizes, attributes, true, { op: "pool", path: "" });
  const steps = sizes.map((size, axis) => {
    const { kernelShape, strides, pads, dilations } = attributes;
    const extent = at(dilations, axis) * (at(kernelShape, axis) - 1) + 1;
    return (size + at(pads, axis) + at(pads, axis + sizes.length) - extent) / at(strides, axis);
  });
  const isDropped = steps.some((step, axis) => Math.ceil(step) + 1 > at(windows, axis));
  if (!isDropped) return [attributes];
  const roundsUp = steps.map((step, axis) => Math.floor(step) + 1 < at(windows, axis));
  if (!roundsUp.includes(true)) return [{ ...attributes, ceilMode: false }];
  return [
    poolAlong(attributes, (axis) => roundsUp[axis] === true),
    { ...poolAlong(attributes, (axis) => roundsUp[axis] !== true), ceilMode: false },
  ];
}

/** The ONNX nodes of a pooling op, with attributes of its own. */
export function lowerPooling(
  site: LowerSite<Fixed<1>, Fixed<1>>,
  opType: "AveragePool" | "MaxPool",
  attributes: PoolAttributes,
  own: Readonly<Record<string, LoweredAttribute>> = {},
): readonly LoweredNode[] {
  const stages = poolStages(site.inputTypes[0].shape.slice(2).map(Number), attributes);
  const between = (stage: number): readonly string[] => [site.inner(`stage${stage}`)];
  return stages.map((stage, index) => ({
    opType,
    inputs: index === 0 ? site.inputs : between(index - 1),
    outputs: index === stages.length - 1 ? site.outputs : between(index),
    attributes: { ...lowerPool(stage), ...own },
  }));
}
