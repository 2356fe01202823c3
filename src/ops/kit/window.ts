import { at } from "../../tensor/at.js";
import { windowExtent, windowPositions } from "../../tensor/window.js";
import { type LoweredAttribute, type Site, shapeError } from "../op.js";

/**
 * A sliding window, one entry per spatial axis; `pads` are ONNX's: all begins, then all ends.
 * Shared by convolution and pooling, which obey the same constraint.
 */
export interface WindowAttributes {
  readonly [name: string]: number | string | boolean | readonly number[];
  readonly kernelShape: readonly number[];
  readonly strides: readonly number[];
  readonly pads: readonly number[];
  readonly dilations: readonly number[];
}

/** The attributes of a convolution. */
export interface ConvAttributes extends WindowAttributes {
  readonly groups: number;
}

/**
 * Sizes behind a window, by the rule of `windowPositions` along each axis.
 *
 * @throws InceptionError SHAPE_INVALID where the window does not fit or an attribute has the wrong length or sign
 */
export function windowSizes(sizes: readonly number[], attributes: WindowAttributes, ceilMode: boolean, site: Site): readonly number[] {
  const rank = sizes.length;
  checkWindow(attributes, rank, site);
  return sizes.map((size, axis) => {
    const [begin, end] = [at(attributes.pads, axis), at(attributes.pads, axis + rank)];
    const [kernel, dilation] = [at(attributes.kernelShape, axis), at(attributes.dilations, axis)];
    const count = windowPositions(size, { kernel, dilation, stride: at(attributes.strides, axis), begin, end }, ceilMode);
    if (count >= 1) return count;
    const extent = windowExtent({ kernel, dilation });
    throw shapeError(site, `window of ${extent} does not fit size ${size} with padding ${begin + end} on spatial axis ${axis}`, {
      axis,
      size,
      extent,
    });
  });
}

/** The window as ONNX attributes. All are always written: some runtimes reject a convolution without dilations. */
export function lowerWindow(attributes: WindowAttributes): Readonly<Record<string, LoweredAttribute>> {
  return {
    kernel_shape: { ints: attributes.kernelShape },
    strides: { ints: attributes.strides },
    pads: { ints: attributes.pads },
    dilations: { ints: attributes.dilations },
  };
}

/** Throws unless each attribute of the window has an entry for every spatial axis, of the right sign. */
export function checkWindow(attributes: WindowAttributes, rank: number, site: Site): void {
  const rules = [
    { name: "kernelShape", values: attributes.kernelShape, length: rank, least: 1 },
    { name: "strides", values: attributes.strides, length: rank, least: 1 },
    { name: "dilations", values: attributes.dilations, length: rank, least: 1 },
    { name: "pads", values: attributes.pads, length: 2 * rank, least: 0 },
  ];
  for (const { name, values, length, least } of rules) {
    if (values.length !== length || values.some((value) => !Number.isInteger(value) || value < least)) {
      throw shapeError(site, `${name} [${values.join(", ")}] must be ${length} integers of at least ${least}`, { [name]: values });
    }
  }
}
