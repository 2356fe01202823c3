/**
 * The adjoint of a convolution with respect to its input, which is both the input gradient of conv and the forward form
 * of convTranspose:
 *
 *   dx[n, c, i] = Σ dy[n, m, o] · w[m, c, k]   over all o, k with o·stride − begin + dilation·k = i
 *
 * It has five exact forms. Measured on two cores with ONNX Runtime 1.30: at stride 1 a convolution with the flipped
 * kernel is 1.2 to 3 times faster than ConvTranspose; for volumes with kernel = stride the shuffled form takes 80 ms
 * where ConvTranspose takes 210 (64 → 32 channels, 32³ → 64³), for images ConvTranspose is the faster; for other
 * volumes with strides a convolution over dy with zeros in between does 8 times the work in two thirds of the time. In
 * one image a 1×1 kernel is one product, which transposes the kernel while it reads it, and on the smallest maps turning a
 * kernel costs more than ConvTranspose does. Which forms are tried, and in which order, is up to the op and the target.
 */

import { at } from "../../tensor/at.js";
import type { Fixed, LayerOperands, LoweredNode, LowerSite } from "../op.js";
import { isOneImage, type NodeList, nodeList, padLast, product, type Target } from "./lowering.js";
import type { TransposedProducts } from "./transposed-products.js";
import { lowerWindow, type WindowAttributes } from "./window.js";

interface TransposedConvolution extends WindowAttributes {
  readonly groups: number;
  /** Spatial sizes of dx. */
  readonly inputShape: readonly number[];
}

/** Where the operands are, and the sizes that the forms need. */
interface Operands extends TransposedConvolution {
  readonly dy: string;
  readonly w: string;
  readonly bias?: string;
  /** Spatial sizes of dy. */
  readonly outputShape: readonly number[];
  /** M, the channels of dy. */
  readonly outChannels: number;
  /** C / groups, the channels of dx in one group. */
  readonly groupChannels: number;
}

/** Of convInputGradient, which has no bias, or convTranspose. */
type LayerSite = LowerSite<LayerOperands, Fixed<1>>;

/** A way to write it, and the convolutions that it is exact and fast for. */
export interface TransposedForm {
  readonly suits: (operands: Operands, site: LayerSite) => boolean;
  readonly write: (list: NodeList, operands: Operands) => void;
}

/**
 * ONNX nodes for inputs dy [N, M, out…], w [M, C/groups, kernel…] and maybe a bias [C] that is added to the result: in the
 * first form that suits, or else by ConvTranspose.
 */
export function writeTransposed(
  forms: readonly TransposedForm[],
  site: LayerSite,
  attributes: TransposedConvolution,
): readonly LoweredNode[] {
  const [dy, w, bias] = site.inputs;
  const [dyType, wType] = site.inputTypes;
  const operands: Operands = {
    ...attributes,
    dy,
    w,
    ...(bias === undefined ? {} : { bias }),
    outputShape: dyType.shape.slice(2).map(Number),
    outChannels: Number(dyType.shape[1]),
    groupChannels: Number(wType.shape[1]),
  };
  const list = nodeList(site);
  const write = forms.find(({ suits }) => suits(operands, site))?.write ?? transposedForm;
  write(list, operands);
  return list.nodes;
}

/** Up to here, in elements of one channel, ConvTranspose is faster than turning the kernel. */
const SMALL_MAP = 100;

/** One small image: ConvTranspose. */
export const SMALL_TRANSPOSED: TransposedForm = {
  suits: (operands, site) => isImageOfOneGroup(operands, site) && product(operands.outputShape) < SMALL_MAP,
  write: transposedForm,
};

/** One image and one tap: a product. */
export const PRODUCT: TransposedForm = {
  suits: (operands, site) =>
    isImageOfOneGroup(operands, site) &&
    [...operands.kernelShape, ...operands.strides].every((size) => size === 1) &&
    operands.pads.every((pad) => pad === 0),
  write: productForm,
};

/** Stride 1: a convolution with the flipped kernel. */
export function flipped(flip: Flip): TransposedForm {
  return {
    suits: ({ strides }) => strides.every((stride) => stride === 1),
    write: (list, operands) => flippedConvolution(list, operands, flip, { dy: operands.dy, sizes: operands.outputShape }),
  };
}

/** Volumes whose kernel is the stride: a pointwise convolution, whose results are put side by side. */
export const SHUFFLED: TransposedForm = {
  suits: (operands) => operands.inputShape.length === 3 && isTiling(operands),
  write: shuffledForm,
};

/** Other volumes: a convolution of dy with zeros in between. */
export function dilated(flip: Flip): TransposedForm {
  return { suits: ({ inputShape }) => inputShape.length === 3, write: (list, operands) => dilatedForm(list, operands, flip) };
}

function isImageOfOneGroup({ groups }: Operands, site: LayerSite): boolean {
  return groups === 1 && isOneImage(site, site.inputTypes[0].shape);
}

/**
 * Whether each element of dx is under exactly one element of dy, in one group.
 *
 * @param outputShape - spatial sizes of dy
 */
export function isTiling(convolution: TransposedConvolution & { readonly outputShape: readonly number[] }): boolean {
  const { kernelShape, strides, pads, dilations, groups, inputShape, outputShape } = convolution;
  return (
    groups === 1 &&
    pads.every((pad) => pad === 0) &&
    kernelShape.every((kernel, axis) => kernel === strides[axis] && dilations[axis] === 1) &&
    inputShape.every((size, axis) => size === at(outputShape, axis) * at(strides, axis))
  );
}

/** One image and one tap: dx = wᵀ·dy with w [M, C] and dy [M, places]. */
function productForm(list: NodeList, { dy, w, inputShape, outChannels, groupChannels }: Operands): void {
  const kernel = list.reshape("kernel_matrix", w, [outChannels, groupChannels]);
  const rows = list.reshape("dy_rows", dy, [outChannels, product(inputShape)]);
  const dx = list.add("Gemm", "dx_rows", [kernel, rows], { transA: { int: 1 } });
  list.reshape(0, dx, [1, groupChannels, ...inputShape]);
}

/** Zeros between the elements of dy make the stride 1. They are set axis by axis, as columns of a matrix of rank 2. */
function dilatedForm(list: NodeList, operands: Operands, flip: Flip): void {
  const { dy, strides, outputShape, outChannels } = operands;
  const sizes = [...outputShape];
  let dilated = dy;
  for (const [axis, stride] of strides.entries()) {
    if (stride === 1) continue;
    const behind = product(sizes.slice(axis + 1));
    const rows = list.reshape(`rows${axis}`, dilated, [-1, behind]);
    dilated = list.add("Pad", `spread${axis}`, [rows, list.ints(`spread${axis}_pads`, [0, 0, 0, behind * (stride - 1)])]);
    sizes[axis] = at(sizes, axis) * stride;
  }
  const map = list.reshape("spread", dilated, [-1, outChannels, ...sizes]);
  flippedConvolution(list, operands, flip, { dy: map, sizes });
}

/**
 * At stride 1: i = o − begin + dilation·k, so with the reversed tap k' = K − 1 − k
 *   dx[i] = Σ dy[i + begin − dilation·(K − 1) + dilation·k'] · w[K − 1 − k'],
 * a convolution of dy with the flipped kernel, its channels exchanged, and begin' = dilation·(K − 1) − begin.
 */
function flippedConvolution(
  list: NodeList,
  operands: Operands,
  flip: Flip,
  { dy, sizes }: { readonly dy: string; readonly sizes: readonly number[] },
): void {
  const { kernelShape, dilations, pads, groups, bias, outChannels, inputShape } = operands;
  const reaches = kernelShape.map((kernel, axis) => at(dilations, axis) * (kernel - 1));
  const begins = reaches.map((reach, axis) => reach - at(pads, axis));
  const ends = inputShape.map((size, axis) => size + at(reaches, axis) - at(sizes, axis) - at(begins, axis));
  // A window that lies in the padding alone reaches nothing: where the padding is that wide, such elements of dy are cropped.
  const kept = padLast(list, "kept", dy, [-1, outChannels, ...sizes], {
    begins: begins.map((pad) => Math.min(pad, 0)),
    ends: ends.map((pad) => Math.min(pad, 0)),
  });
  const window = {
    kernelShape,
    dilations,
    strides: kernelShape.map(() => 1),
    pads: [...begins, ...ends].map((pad) => Math.max(pad, 0)),
  };
  list.add("Conv", 0, [kept, flippedKernel(list, operands, flip), ...(bias === undefined ? [] : [bias])], {
    ...lowerWindow(window),
    group: { int: groups },
  });
}

/** Writes w [M, C/groups, kernel…] as [C, M/groups, kernel…] with the taps in reverse order, group by group. */
type Flip = (list: NodeList, operands: Operands) => string;

function flippedKernel(list: NodeList, operands: Operands, flip: Flip): string {
  const { w, kernelShape, groups } = operands;
  const isTransposition = product(kernelShape) === 1 && groups === 1;
  return isTransposition ? list.transpose("kernel", w, [1, 0, ...kernelShape.map((_, axis) => axis + 2)]) : flip(list, operands);
}

/** The taps are gathered as one axis: a Slice with negative steps is slower. */
export const flipByGathering: Flip = (list, { w, kernelShape, groups, outChannels, groupChannels }) => {
  const taps = product(kernelShape);
  const perGroup = outChannels / groups;
  const exchange = perGroup > 1 && groupChannels > 1;
  const split = list.reshape("kernel_taps", w, [groups, perGroup, groupChannels, taps]);
  const reversed = Array.from({ length: taps }, (_, tap) => taps - 1 - tap);
  const gathered =
    taps === 1 ? split : list.add("Gather", "kernel_flipped", [split, list.ints("reversed", reversed)], { axis: { int: 3 } });
  const exchanged = exchange ? list.transpose("kernel_exchanged", gathered, [0, 2, 1, 3]) : gathered;
  return list.reshape("kernel", exchanged, [groups * groupChannels, perGroup, ...kernelShape]);
};

/**
 * One group in two thirds of the time: transposed as a matrix, and the taps reversed by a product with a matrix of zeros and
 * ones. Several groups are gathered.
 */
export function flipByProduct(products: TransposedProducts): Flip {
  return (list, operands) => {
    const { w, kernelShape, groups, outChannels, groupChannels } = operands;
    if (groups !== 1) return flipByGathering(list, operands);
    const taps = product(kernelShape);
    const matrix = list.reshape("kernel_matrix", w, [outChannels, groupChannels * taps]);
    const columns = list.reshape("kernel_columns", list.transpose("kernel_transposed", matrix, [1, 0]), [groupChannels, taps, outChannels]);
    const reversal = new Float32Array(taps * taps);
    for (let tap = 0; tap < taps; tap++) reversal[tap * taps + taps - 1 - tap] = 1;
    const reversed = list.floats("reversal", [taps, taps], reversal);
    const turned = products.left(list, "kernel_turned", products.prepare(list, "kernel_rows", columns), reversed);
    return list.reshape("kernel", turned, [groupChannels, outChannels, ...kernelShape]);
  };
}

/**
 * ONNX's ConvTranspose gives stride·(out − 1) + dilation·(K − 1) + 1 − begin − end elements per axis; what dx has more,
 * less than a stride, no window reads: output_padding.
 */
function transposedForm(list: NodeList, operands: Operands): void {
  const { dy, w, bias, kernelShape, strides, pads, dilations, groups, inputShape, outputShape } = operands;
  const rank = kernelShape.length;
  const unread = inputShape.map((size, axis) => {
    const read = at(strides, axis) * (at(outputShape, axis) - 1) + at(dilations, axis) * (at(kernelShape, axis) - 1) + 1;
    return size - (read - at(pads, axis) - at(pads, axis + rank));
  });
  list.add("ConvTranspose", 0, [dy, w, ...(bias === undefined ? [] : [bias])], {
    ...lowerWindow(operands),
    group: { int: groups },
    output_padding: { ints: unread },
  });
}

/**
 * Kernel = stride without padding: dx[c, o·K + k] = Σ_m dy[m, o] · w[m, c, k] is a 1×1×1 convolution to C·K channels whose
 * results are then put side by side, the last axis first. Each step exchanges [k, out] of one axis.
 */
function shuffledForm(list: NodeList, operands: Operands): void {
  const { dy, w, bias, kernelShape, inputShape, outputShape, outChannels, groupChannels } = operands;
  const ones = kernelShape.map(() => 1);
  const channels = groupChannels * product(kernelShape);
  const kernel = list.transpose("kernel_exchanged", list.reshape("kernel_matrix", w, [outChannels, channels]), [1, 0]);
  const pointwise = list.reshape("kernel", kernel, [channels, outChannels, ...ones]);
  let value = list.add("Conv", "taps", [dy, pointwise], {
    ...lowerWindow({ kernelShape: ones, strides: ones, dilations: ones, pads: [...ones, ...ones].map(() => 0) }),
    group: { int: 1 },
  });
  for (let axis = kernelShape.length - 1; axis >= 0; axis--) {
    const places = product(outputShape.slice(0, axis + 1));
    const split = list.reshape(`split${axis}`, value, [-1, at(kernelShape, axis), places, product(inputShape.slice(axis + 1))]);
    value = list.transpose(`joined${axis}`, split, [0, 2, 1, 3]);
  }
  const map = (target: Target): string => list.reshape(target, value, [-1, groupChannels, ...inputShape]);
  if (bias === undefined) map(0);
  else list.add("Add", 0, [map("map"), list.reshape("bias_column", bias, [groupChannels, ...ones])]);
}
