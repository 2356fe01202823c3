/**
 * A convolution of volumes at stride 1 as one of images: the same sums, on ONNX Runtime's faster kernels. What arranges the
 * result as volumes again says so (`LoweredNode.arranges`), so that a normalization and a ReLU behind it can go before and
 * are folded into the convolution as in a network for images.
 *
 * The form follows from the kernel alone, because choosing by measurement would choose the same. Every convolution of the
 * 3-D Inception-ResNet with bias and ReLU on volumes of 40³, 64³ and 96³, ONNX Runtime 1.30 on one thread, lower quartile of
 * 21 runs that took turns, as a multiple of the direct convolution's time:
 *
 *   one long axis, which needs no copy        0.42 to 0.70
 *   several, depth joined as channels         0.50 to 0.97
 *   dilated, set apart as a batch             0.89 to 3.4 (space to batch); 1.1 to 5.4 times joined depth
 *   1×1×1 as images                           1.4 to 1.5 for all of them together, so these stay direct
 *
 * A matrix of all taps (im2col) had taken 1.1 to 2.8 times. One convolution for each tap along the depth, added up, takes
 * 0.73 to 1.13 times joined depth, but a normalization behind the sum would not be folded any more. None of this was measured
 * on WebGPU.
 */

import { at, firstOf } from "../../tensor/at.js";
import type { Fixed, LayerOperands, LowerSite } from "../op.js";
import { type NodeList, padLast, sliceLast, spatial } from "./lowering.js";
import { lowerWindow, type WindowAttributes } from "./window.js";

/** A convolution of x [N, C, D, H, W] by w [M, C, kernel…], which gives a map of `outputShape`. */
interface VolumeConvolution extends WindowAttributes {
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
  if (inputShape.length !== 3 || strides.some((stride) => stride !== 1)) return false;
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
  const [depth, height, width] = firstOf(inputShape, 3);
  const [size, begin, end] = [at(kernelShape, axis), at(pads, axis), at(pads, axis + 3)];
  const step = axis === 1 ? width : 1;
  const across = axis !== 0;
  const pair = (value: number, other: number): readonly number[] => (across ? [other, value] : [value, other]);
  const map = list.reshape("map", x, [-1, channels, ...(axis === 2 ? [depth * height, width] : [depth, height * width])]);
  const kernel = list.reshape("kernel", w, [outChannels, channels, ...pair(size, 1)]);
  const window = {
    kernelShape: pair(size, 1),
    strides: [1, 1],
    pads: [...pair(begin * step, 0), ...pair(end * step, 0)],
    dilations: pair(at(dilations, axis) * step, 1),
  };
  const y = list.add("Conv", "lines", [map, kernel, ...(bias === undefined ? [] : [bias])], lowerConv(window));
  list.arrange(y, () => list.reshape(0, y, [-1, outChannels, ...outputShape]));
}

/** Depth becomes part of the batch, and the slices that lie under the kernel's taps along it are joined as channels. */
function byDepthTaps(list: NodeList, convolution: VolumeConvolution): void {
  const { x, w, bias, channels, outChannels, kernelShape, dilations, pads, inputShape, outputShape } = convolution;
  const [taps, ...kernel] = firstOf(kernelShape, 3);
  const [depth, ...sizes] = firstOf(inputShape, 3);
  const [outDepth, ...outSizes] = firstOf(outputShape, 3);
  const [begin, top, left, end, bottom, right] = firstOf(pads, 6);
  const slices = list.transpose("slices", x, [0, 2, 1, 3, 4]);
  const ends = { begins: [begin, 0, 0, 0], ends: [end, 0, 0, 0] };
  const padded = padLast(list, "padded", slices, [-1, depth, channels, ...sizes], ends);
  const under = Array.from({ length: taps }, (_, tap) => {
    const range = { starts: [tap * at(dilations, 0), 0, 0, 0], counts: [outDepth, channels, ...sizes], steps: [1, 1, 1, 1] };
    return list.reshape(`tap${tap}_column`, sliceLast(list, `tap${tap}`, padded, 5, range), [-1, outDepth, channels, 1, ...sizes]);
  });
  // Channel by channel, as the kernel has them: it needs no transposition.
  const joined = list.add("Concat", "taps", under, { axis: { int: 3 } });
  const map = list.reshape("map", joined, [-1, channels * taps, ...sizes]);
  const window = { kernelShape: kernel, strides: [1, 1], pads: [top, left, bottom, right], dilations: dilations.slice(1) };
  const inputs = [map, list.reshape("kernel", w, [outChannels, channels * taps, ...kernel]), ...(bias === undefined ? [] : [bias])];
  const y = list.add("Conv", "products", inputs, lowerConv(window));
  list.arrange(y, () => list.transpose(0, list.reshape("images", y, [-1, outDepth, outChannels, ...outSizes]), [0, 2, 1, 3, 4]));
}

function lowerConv(window: WindowAttributes) {
  return { ...lowerWindow(window), group: { int: 1 } };
}

/** The operands of a conv node. */
export function volumeConvolution(site: LowerSite<LayerOperands, Fixed<1>>, attributes: WindowAttributes): VolumeConvolution {
  const [x, w, bias] = site.inputs;
  const [xType, wType] = site.inputTypes;
  return {
    ...attributes,
    x,
    w,
    ...(bias === undefined ? {} : { bias }),
    channels: Number(xType.shape[1]),
    outChannels: Number(wType.shape[0]),
    inputShape: spatial(xType.shape),
    outputShape: spatial(site.outputTypes[0].shape),
  };
}
