/**
 * A convolution of volumes at stride 1 as one of images: the same sums, on ONNX Runtime's faster kernels.
 *
 * Measured with ONNX Runtime 1.30 on one thread, best of several runs, on maps of 8³ and 16³ with dilations 1 to 3 and the
 * channels of the 3-D Inception-ResNet: a kernel with one long axis, which needs no copy at all, takes 0.43 to 0.74 of the
 * direct convolution's time; one with several, its depth joined as channels, 0.41 to 0.87 (5×5×5 on 8³: 1.07). Setting the
 * elements that a dilated kernel skips apart as a batch (space to batch) takes 0.8 to 3.9 times as long, and a matrix of all
 * taps (im2col) 1.1 to 2.8 times; neither is the fastest anywhere. A whole network at 35³ or 64³ gains 5 to 15 %: what
 * follows the convolution is no longer folded into it. Not under the profile webgpu, where none of this was measured.
 */
import { type NodeList, padLast, sliceLast, spatial } from "./lowering.js";
import type { LowerSite } from "./op.js";
import { lowerWindow, type WindowAttributes } from "./window.js";

/** A convolution of x [N, C, D, H, W] by w [M, C, kernel…], which gives a map of `outputShape`. */
export interface VolumeConvolution extends WindowAttributes {
  readonly x: string;
  readonly w: string;
  readonly bias?: string;
  readonly channels: number;
  readonly outChannels: number;
  /** Spatial sizes of x. */
  readonly inputShape: readonly number[];
  /** Spatial sizes of the result. */
  readonly outputShape: readonly number[];
}

/** The nodes of a convolution by images, whose result is the op's output; false where it is none that gains by them. */
export function addByImages(list: NodeList, convolution: VolumeConvolution): boolean {
  const { kernelShape, strides, inputShape, pads } = convolution;
  if (["webgpu", "plain"].includes(list.site.profile) || inputShape.length !== 3 || strides.some((stride) => stride !== 1)) return false;
  const long = kernelShape.flatMap((size, axis) => (size > 1 ? [axis] : []));
  const [axis] = long;
  const padded = pads.flatMap((pad, index) => (pad > 0 ? [index % 3] : []));
  if (axis !== undefined && long.length === 1 && padded.every((index) => index === axis)) alongOneAxis(list, convolution, axis);
  else if (axis === 0) byDepthTaps(list, convolution);
  else return false;
  return true;
}

/**
 * A kernel with one long axis: the other two axes, or that axis with the one behind it, are one axis in memory already. A
 * step along H is W elements of that axis, and padding with zeros H pads whole rows of it.
 */
function alongOneAxis(list: NodeList, convolution: VolumeConvolution, axis: number): void {
  const { x, w, bias, channels, outChannels, kernelShape, dilations, pads, inputShape, outputShape } = convolution;
  const [depth = 1, height = 1, width = 1] = inputShape;
  const [size = 1, begin = 0, end = 0] = [kernelShape[axis], pads[axis], pads[axis + 3]];
  const step = axis === 1 ? width : 1;
  const across = axis !== 0;
  const pair = (value: number, other: number): readonly number[] => (across ? [other, value] : [value, other]);
  const map = list.reshape("map", x, [-1, channels, ...(axis === 2 ? [depth * height, width] : [depth, height * width])]);
  const kernel = list.reshape("kernel", w, [outChannels, channels, ...pair(size, 1)]);
  const window = {
    kernelShape: pair(size, 1),
    strides: [1, 1],
    pads: [...pair(begin * step, 0), ...pair(end * step, 0)],
    dilations: pair((dilations[axis] ?? 1) * step, 1),
  };
  const y = list.add("Conv", "lines", [map, kernel, ...(bias === undefined ? [] : [bias])], lowerConv(window));
  list.reshape(0, y, [-1, outChannels, ...outputShape]);
}

/** Depth becomes part of the batch, and the slices that lie under the kernel's taps along it are joined as channels. */
function byDepthTaps(list: NodeList, convolution: VolumeConvolution): void {
  const { x, w, bias, channels, outChannels, kernelShape, dilations, pads, inputShape, outputShape } = convolution;
  const [taps = 1, ...kernel] = kernelShape;
  const [depth = 1, ...sizes] = inputShape;
  const [outDepth = 1, ...outSizes] = outputShape;
  const [begin = 0, top = 0, left = 0, end = 0, bottom = 0, right = 0] = pads;
  const slices = list.transpose("slices", x, [0, 2, 1, 3, 4]);
  const ends = { begins: [begin, 0, 0, 0], ends: [end, 0, 0, 0] };
  const padded = padLast(list, "padded", slices, [-1, depth, channels, ...sizes], ends);
  const under = Array.from({ length: taps }, (_, tap) => {
    const range = { starts: [tap * (dilations[0] ?? 1), 0, 0, 0], counts: [outDepth, channels, ...sizes], steps: [1, 1, 1, 1] };
    return list.reshape(`tap${tap}_column`, sliceLast(list, `tap${tap}`, padded, 5, range), [-1, outDepth, channels, 1, ...sizes]);
  });
  // Channel by channel, as the kernel has them: it needs no transposition.
  const joined = list.add("Concat", "taps", under, { axis: { int: 3 } });
  const map = list.reshape("map", joined, [-1, channels * taps, ...sizes]);
  const window = { kernelShape: kernel, strides: [1, 1], pads: [top, left, bottom, right], dilations: dilations.slice(1) };
  const inputs = [map, list.reshape("kernel", w, [outChannels, channels * taps, ...kernel]), ...(bias === undefined ? [] : [bias])];
  const y = list.reshape("images", list.add("Conv", "products", inputs, lowerConv(window)), [-1, outDepth, outChannels, ...outSizes]);
  list.transpose(0, y, [0, 2, 1, 3, 4]);
}

function lowerConv(window: WindowAttributes) {
  return { ...lowerWindow(window), group: { int: 1 } };
}

/** The operands of a conv node. */
export function volumeConvolution(site: LowerSite, attributes: WindowAttributes): VolumeConvolution {
  const [x = "", w = "", bias] = site.inputs;
  const [xType, wType] = site.inputTypes;
  return {
    ...attributes,
    x,
    w,
    ...(bias === undefined ? {} : { bias }),
    channels: Number(xType?.shape[1]),
    outChannels: Number(wType?.shape[0]),
    inputShape: spatial(xType?.shape),
    outputShape: spatial(site.outputTypes[0]?.shape),
  };
}
