import { type LoweredAttribute, type Site, shapeError } from "./op.js";

/**
 * A sliding window, one entry per spatial axis; `pads` are ONNX's: all begins, then all ends.
 * Shared by convolution and pooling, which obey the same law.
 */
export interface WindowAttributes {
  readonly [name: string]: number | string | boolean | readonly number[];
  readonly kernelShape: readonly number[];
  readonly strides: readonly number[];
  readonly pads: readonly number[];
  readonly dilations: readonly number[];
}

/**
 * Sizes behind a window: floor((n + begin + end − dilation·(k − 1) − 1) / stride) + 1 along each axis; with `ceilMode`
 * the division rounds up, so that the last window, which may be the only one, sticks out by less than a stride, and one
 * that would start in the end padding is dropped (PyTorch's and ONNX's rule).
 *
 * @throws InceptionError SHAPE_INVALID where the window does not fit or an attribute has the wrong length or sign
 */
export function windowSizes(sizes: readonly number[], attributes: WindowAttributes, ceilMode: boolean, site: Site): readonly number[] {
  const rank = sizes.length;
  checkWindow(attributes, rank, site);
  return sizes.map((size, axis) => {
    const begin = at(attributes.pads, axis);
    const padded = size + begin + at(attributes.pads, axis + rank);
    const extent = at(attributes.dilations, axis) * (at(attributes.kernelShape, axis) - 1) + 1;
    const stride = at(attributes.strides, axis);
    const steps = (padded - extent) / stride;
    const count = (ceilMode ? Math.ceil(steps) : Math.floor(steps)) + 1;
    if (count < 1) {
      throw shapeError(site, `window of ${extent} does not fit size ${size} with padding ${padded - size} on spatial axis ${axis}`, {
        axis,
        size,
        extent,
      });
    }
    return ceilMode && (count - 1) * stride >= size + begin ? count - 1 : count;
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

function at(values: readonly number[], index: number): number {
  return values[index] as number;
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
