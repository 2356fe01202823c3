import { at, firstOf } from "../tensor/at.js";
import { formatShape, type TensorType } from "../tensor/shape.js";
import { inferConv } from "./conv.js";
import { checkFloats } from "./kit/axes.js";
import { onlyGradient } from "./kit/gradient.js";
import { type NodeList, nodeList, padLast, product, sliceLast } from "./kit/lowering.js";
import { type Join, joinAtOnce } from "./kit/shader-buffers.js";
import type { ConvAttributes } from "./kit/window.js";
import { concrete, type Fixed, type Form, type LayerOperands, layerOperands, type OpDef, type Site, shapeError } from "./op.js";

export const convChwn: OpDef<ConvAttributes, LayerOperands, Fixed<2>> = {
  doc: `conv on maps with the batch innermost: x [C, H, W, N], w [M, C, kernel…], optional bias [M] → y [M, out…, N] and the
columns [C·K, places·N] that y is a product with, where K is the number of taps: in row c·K + k, x under tap k of each
window, with zeros outside. y = w·columns + bias. groups must be 1 and N a number. Gradients flow through y, not through
the columns as an output. Made for strides; at stride 1 along W a conv on [1, C, H, W·N] does the same without columns.`,
  furtherOutputs: ["columns"],

  operands: layerOperands,
  infer: (inputs, attributes, site) => {
    const [x, w, bias] = inputs;
    checkFloats(inputs, site);
    const y = inferConvChwn(x, w, bias, attributes, site);
    const [, ...places] = y.shape.map(Number);
    return [y, { dtype: x.dtype, shape: [Number(x.shape[0]) * product(attributes.kernelShape), product(places)] }];
  },

  // y = W·columns with W [M, C·K], so dW = dy·columnsᵀ; what reaches x is derived at convChwnInputGradient. The columns are
  // there to be used again here, and have no gradient of their own.
  grad: (b, { inputs: [x, w], outputs: [y, columns], attributes, needed, path }, outputGradients) => {
    if (outputGradients[1])
      throw shapeError({ op: "convChwn", path }, "the loss depends on its columns as an output, which have no gradient");
    const dy = onlyGradient(outputGradients);
    const inputShape = x.type.shape.slice(1, 3).map(Number);
    const weightGradient = () => {
      const rows = b.add("reshape", "dy_rows", [dy], { shape: [Number(y.type.shape[0]), -1] });
      const products = b.add("matMul", "dw_rows", [rows, columns], { transposeA: false, transposeB: true });
      return b.add("reshape", "dw", [products], { shape: w.type.shape.map(Number) });
    };
    return [
      needed[0] ? b.add("convChwnInputGradient", "dx", [dy, w], { ...attributes, inputShape }) : null,
      needed[1] ? weightGradient() : null,
      needed[2] ? b.add("reduceSum", "dbias", [dy], { axes: [1, 2, 3], keepDims: false }) : null,
    ];
  },

  lower: convChwnForm(joinAtOnce),

  macs: ([, w], [y]) => [...w.shape.slice(1), ...y.shape].reduce<number>((total, dim) => total * Number(dim), 1),
  window: (attributes) => attributes,
};

/** The form that joins taps in one way. */
export function convChwnForm(join: Join): Form<ConvAttributes, LayerOperands, Fixed<2>> {
  return (site, attributes) => {
    const list = nodeList(site);
    const [x, w, bias] = site.inputs;
    const [xShape, yShape] = [site.inputTypes[0].shape.map(Number), site.outputTypes[0].shape.map(Number)];
    const [channels, outChannels] = [at(xShape, 0), at(yShape, 0)];
    const rows = channels * product(attributes.kernelShape);
    // Joined along H: then the taps of a channel follow one another, and the kernel's rows fit as they are.
    const taps = tapSlices(list, x, xShape, yShape.slice(1, 3), attributes);
    const joined = taps.length === 1 ? at(taps, 0) : join(list, "taps", taps, 1);
    const columns = list.reshape(1, joined, [rows, -1]);
    const kernel = list.reshape("kernel_rows", w, [outChannels, rows]);
    const products = list.add("MatMul", "products", [kernel, columns]);
    const biased =
      bias === undefined ? products : list.add("Add", "biased", [products, list.reshape("bias_column", bias, [outChannels, 1])]);
    list.reshape(0, biased, yShape);
    return list.nodes;
  };
}

/** conv's shape rule for [C, H, W, N]. The input gradient obeys it too. */
export function inferConvChwn(
  x: TensorType,
  w: TensorType,
  bias: TensorType | undefined,
  attributes: ConvAttributes,
  site: Site,
): TensorType {
  if (x.shape.length !== 4) throw shapeError(site, `expected an input [C, H, W, N], got ${formatShape(x.shape)}`);
  if (attributes.groups !== 1) throw shapeError(site, `groups ${attributes.groups} must be 1`);
  const [channels, height, width, images] = firstOf(x.shape, 4);
  const batch = concrete(images, "the batch", site);
  const nchw = { dtype: x.dtype, shape: [batch, channels, height, width] };
  const [y] = inferConv(bias ? [nchw, w, bias] : [nchw, w], attributes, site);
  return { dtype: x.dtype, shape: [...y.shape.slice(1), batch] };
}

/** For each tap in row-major order, what it meets of x [C, H, W, N] under every window: [C, out…, N]. */
function tapSlices(
  list: NodeList,
  x: string,
  shape: readonly number[],
  out: readonly number[],
  { kernelShape, strides, pads, dilations }: ConvAttributes,
): readonly string[] {
  const [channels, height, width, batch] = firstOf(shape, 4);
  const sizes = [height, width];
  const begins = pads.slice(0, 2);
  // As much behind x as the last window reads.
  const ends = sizes.map((size, axis) => {
    const last = (at(out, axis) - 1) * at(strides, axis) + at(dilations, axis) * (at(kernelShape, axis) - 1);
    return Math.max(last + 1 - size - at(begins, axis), 0);
  });
  const padded = padLast(list, "padded", x, [channels, height, width, batch], { begins: [...begins, 0], ends: [...ends, 0] });
  const [kernelHeight, kernelWidth] = firstOf(kernelShape, 2);
  return Array.from({ length: kernelHeight * kernelWidth }, (_, tap) => {
    const place = [Math.floor(tap / kernelWidth), tap % kernelWidth];
    const starts = [...place.map((k, axis) => k * at(dilations, axis)), 0];
    return sliceLast(list, `tap${tap}`, padded, 4, { starts, counts: [...out, batch], steps: [...strides, 1] });
  });
}

declare module "./op.js" {
  interface Ops {
    readonly convChwn: typeof convChwn;
  }
}
