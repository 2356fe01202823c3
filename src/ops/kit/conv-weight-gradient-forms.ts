/**
 * The weight gradient of a convolution as matrix products. With P output places per image, K taps and columns
 * cols[n, k, c, p] = x[n, c, p·stride − begin + dilation·k], which K slices of the padded input give,
 *
 *   dw[m, c, k] = Σ_n Σ_p dy[n, m, p] · cols[n, k, c, p].
 *
 * Groups are so many more images: [N, C, …] read as [N·groups, C/groups, …], so no form needs a loop over them.
 */

import { at, firstOf } from "../../tensor/at.js";
import type { Shape } from "../../tensor/shape.js";
import { type NodeList, padLast, product, sizeOrRest, sliceLast, spatial } from "./lowering.js";
import type { Join } from "./shader-buffers.js";
import type { TransposedProducts } from "./transposed-products.js";
import type { ConvAttributes } from "./window.js";

interface WeightGradientOperands {
  readonly attributes: ConvAttributes;
  readonly x: string;
  readonly dy: string;
  readonly xShape: Shape;
  readonly dyShape: Shape;
}

/** How a form joins taps and multiplies with dy transposed. */
export interface WeightGradientParts {
  readonly join: Join;
  readonly products: TransposedProducts;
}

export type WeightGradientForm = "oneConvolution" | "oneProduct" | "oneProductPerTap" | "productPerImage" | "productPerTap";

/** Up to here a map is small: 10 × 10. */
const SMALL_MAP = 100;
/** Columns of more elements (256 MB) are not worth the memory that they would take. */
const LARGE_COLUMNS = 2 ** 26;
/** In one image: from so many places on, and up to so many output channels, products per tap beat a convolution. */
const [MANY_PLACES, FEW_CHANNELS] = [20_000, 64];

/**
 * Which form is fastest, from what was measured on two cores (batch 8):
 * - one image: 1×1 as one product, since nothing has to be
 *   transposed, and 7×1, whose taps are whole rows; others as one convolution whose kernel is dy, which reads x where it
 *   lies; on very large maps with few channels tap by tap;
 * - small maps as one product over images and places: products of one small map each are too short to be fast, and the
 *   transposes of x and dy that the one product needs are cheap there;
 * - larger maps image by image, as their copies in another order would cost more than the sum over images;
 * - where the columns would be very large (volumes with wide kernels), tap by tap, which never holds them.
 *
 * @param oneImage - whether x and dy are one image, and the forms for one image may be used
 */
export function chooseForm({ attributes, xShape, dyShape }: WeightGradientOperands, oneImage: boolean): WeightGradientForm {
  const { kernelShape, strides, groups } = attributes;
  const places = product(spatial(dyShape));
  if (oneImage && groups === 1 && strides.every((stride) => stride === 1)) {
    const [height, width] = firstOf(kernelShape, 2);
    if (width === 1 && (height === 1 || height > 3)) return "oneProduct";
    return Number(dyShape[1]) <= FEW_CHANNELS && places > MANY_PLACES ? "oneProductPerTap" : "oneConvolution";
  }
  const images = typeof dyShape[0] === "number" ? dyShape[0] : 1;
  if (images * Number(xShape[1]) * product(kernelShape) * places > LARGE_COLUMNS) return "productPerTap";
  return groups === 1 && places <= SMALL_MAP ? "oneProduct" : "productPerImage";
}

/**
 * All forms write output 0. Each is exact for every attribute, but those with one product or convolution know one group
 * only, oneProductPerTap also one image only, and oneConvolution one image, two axes and stride 1.
 */
export const FORMS: Readonly<
  Record<WeightGradientForm, (list: NodeList, operands: WeightGradientOperands, parts: WeightGradientParts) => void>
> = {
  oneConvolution,
  oneProduct,
  oneProductPerTap,
  productPerImage,
  productPerTap,
};

/**
 * One image: dw[m, c, k] = Σ_p dy[m, p] · x[c, p − begin + dilation·k] is a convolution over k. The channels of x are its
 * depth, dy is M kernels as large as a map, and its stride is the dilation.
 */
function oneConvolution(list: NodeList, { attributes, x, dy, xShape, dyShape }: WeightGradientOperands): void {
  const [inChannels, outChannels] = [Number(xShape[1]), Number(dyShape[1])];
  const { kernelShape, dilations, pads } = attributes;
  const volume = list.reshape("x_volume", x, [1, 1, inChannels, ...spatial(xShape)]);
  const kernel = list.reshape("dy_kernels", dy, [outChannels, 1, 1, ...spatial(dyShape)]);
  const found = list.add("Conv", "taps", [volume, kernel], {
    kernel_shape: { ints: [1, ...spatial(dyShape)] },
    strides: { ints: [1, ...dilations] },
    dilations: { ints: [1, 1, 1] },
    pads: { ints: [0, ...pads.slice(0, 2), 0, ...pads.slice(2)] },
    group: { int: 1 },
  });
  list.reshape(0, found, [outChannels, inChannels, ...kernelShape]);
}

/** One image: for each tap dy [M, P] times what it meets of x [C, P], transposed. */
function oneProductPerTap(list: NodeList, operands: WeightGradientOperands, { join }: WeightGradientParts): void {
  const { attributes, x, dy, xShape, dyShape } = operands;
  const [inChannels, outChannels] = [Number(xShape[1]), Number(dyShape[1])];
  const left = list.reshape("dy_rows", dy, [outChannels, -1]);
  const products = tapSlices(list, operands, x).map((slice, tap) => {
    const right = list.reshape(`tap${tap}_rows`, slice, [inChannels, -1]);
    const whole = list.add("Gemm", `tap${tap}_product`, [left, right], { transB: { int: 1 } });
    return list.reshape(`tap${tap}_column`, whole, [outChannels, inChannels, 1]);
  });
  list.reshape(0, join(list, "products", products, 2), [outChannels, inChannels, ...attributes.kernelShape]);
}

/** dy as [M, N·P] times the columns as [K·C, N·P], transposed: Gemm, with no sum over images afterwards. */
function oneProduct(list: NodeList, operands: WeightGradientOperands, { join }: WeightGradientParts): void {
  const { attributes, x, dy, xShape, dyShape } = operands;
  const [inChannels, outChannels] = [Number(xShape[1]), Number(dyShape[1])];
  const taps = product(attributes.kernelShape);
  // Channels first: then a slice of x is a block of rows, and the columns come out in order.
  const first = (name: string, value: string, shape: Shape): string =>
    shape[0] === 1 ? value : list.transpose(name, value, [1, 0, ...shape.slice(2).map((_, axis) => axis + 2)]);
  const exchanged = xShape[0] === 1 ? list.reshape("x_first", x, [inChannels, 1, ...spatial(xShape)]) : first("x_first", x, xShape);
  const slices = tapSlices(list, operands, exchanged);
  const columns = slices.length === 1 ? at(slices, 0) : join(list, "columns", slices, 0);
  const left = list.reshape("dy_rows", first("dy_first", dy, dyShape), [outChannels, -1]);
  const right = list.reshape("columns_rows", columns, [taps * inChannels, -1]);
  const products = list.add("Gemm", "products", [left, right], { transB: { int: 1 } });
  const target = [outChannels, inChannels, ...attributes.kernelShape];
  if (taps === 1) list.reshape(0, products, target);
  else {
    const split = list.reshape("products_taps", products, [outChannels, taps, inChannels]);
    list.reshape(0, list.transpose("products_channels", split, [0, 2, 1]), target);
  }
}

/** Image by image (and group by group): the columns [K·C, P] times dyᵀ [P, M], then the sum over images. */
function productPerImage(list: NodeList, operands: WeightGradientOperands, { join, products }: WeightGradientParts): void {
  const grouped = groupsAsImages(list, operands, products);
  const slices = tapSlices(list, operands, grouped.x);
  const columns = slices.length === 1 ? at(slices, 0) : join(list, "columns", slices, 1);
  const rows = slices.length * grouped.groupChannels;
  const flat = list.reshape("columns_rows", columns, [grouped.images, rows, product(spatial(operands.dyShape))]);
  sumOverImages(list, products.right(list, "products", flat, grouped.dy), operands);
}

/** The same with one product per tap. */
function productPerTap(list: NodeList, operands: WeightGradientOperands, { join, products }: WeightGradientParts): void {
  const grouped = groupsAsImages(list, operands, products);
  const perTap = tapSlices(list, operands, grouped.x).map((slice, tap) => {
    const flat = list.reshape(`tap${tap}_rows`, slice, [grouped.images, grouped.groupChannels, product(spatial(operands.dyShape))]);
    return products.right(list, `tap${tap}_products`, flat, grouped.dy);
  });
  const joined = perTap.length === 1 ? at(perTap, 0) : join(list, "products", perTap, 1);
  sumOverImages(list, joined, operands);
}

/** x as [N·groups, C/groups, spatial…], and dy as what it is multiplied with transposed. */
function groupsAsImages(
  list: NodeList,
  { attributes: { groups }, x, dy, xShape, dyShape }: WeightGradientOperands,
  products: TransposedProducts,
) {
  const images = sizeOrRest(dyShape[0], groups);
  const [groupChannels, perGroup] = [Number(xShape[1]) / groups, Number(dyShape[1]) / groups];
  const rows = list.reshape("dy_rows", dy, [images, perGroup, product(spatial(dyShape))]);
  return {
    images,
    groupChannels,
    x: groups === 1 ? x : list.reshape("x_groups", x, [images, groupChannels, ...spatial(xShape)]),
    dy: products.prepare(list, "dy_columns", rows),
  };
}

/** [N·groups, K·C/groups, M/groups] → Σ_n → dw. */
function sumOverImages(list: NodeList, products: string, operands: WeightGradientOperands): void {
  const {
    attributes: { kernelShape, groups },
    xShape,
    dyShape,
  } = operands;
  const [groupChannels, perGroup, taps] = [Number(xShape[1]) / groups, Number(dyShape[1]) / groups, product(kernelShape)];
  const split = [groups, taps, groupChannels, perGroup];
  const perImage = list.reshape("products_images", products, [sizeOrRest(dyShape[0]), ...split]);
  const total =
    dyShape[0] === 1
      ? list.reshape("total", perImage, split)
      : list.add("ReduceSum", "total", [perImage, list.ints("images", [0])], { keepdims: { int: 0 } });
  const target = [groups * perGroup, groupChannels, ...kernelShape];
  // [groups, K, C, M] → [groups, M, C, K]
  list.reshape(0, list.transpose("total_exchanged", total, [0, 3, 2, 1]), target);
}

/** Per tap in row-major order, the elements of x that it meets: x[…, p·stride − begin + dilation·k] for all places p. */
function tapSlices(list: NodeList, { attributes, xShape, dyShape }: WeightGradientOperands, x: string): readonly string[] {
  const { kernelShape, strides, pads, dilations } = attributes;
  const [sizes, counts] = [spatial(xShape), spatial(dyShape)];
  const begins = pads.slice(0, sizes.length);
  // As much behind x as the last window reads; less than x where its last elements are never read.
  const ends = counts.map((count, axis) => {
    const last = (count - 1) * at(strides, axis) + at(dilations, axis) * (at(kernelShape, axis) - 1) - at(begins, axis);
    return Math.max(last + 1 - at(sizes, axis), 0);
  });
  const padded = padLast(list, "padded", x, [1, 1, ...sizes], { begins, ends });
  const paddedSizes = sizes.map((size, axis) => size + at(begins, axis) + at(ends, axis));
  return allTaps(kernelShape).map((tap, index) => {
    const starts = tap.map((k, axis) => k * at(dilations, axis));
    const whole = strides.every((stride) => stride === 1) && counts.every((count, axis) => count === paddedSizes[axis]);
    return whole ? padded : sliceLast(list, `tap${index}`, padded, sizes.length + 2, { starts, counts, steps: strides });
  });
}

function allTaps(kernelShape: readonly number[]): readonly (readonly number[])[] {
  return kernelShape.reduce<readonly (readonly number[])[]>(
    (taps, size) => taps.flatMap((tap) => Array.from({ length: size }, (_, k) => [...tap, k])),
    [[]],
  );
}
