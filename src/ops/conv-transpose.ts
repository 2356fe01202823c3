import { at } from "../tensor/at.js";
import { formatShape } from "../tensor/shape.js";
import { checkFloats, checkIntegers } from "./kit/axes.js";
import { onlyGradient } from "./kit/gradient.js";
import { dilated, flipByGathering, flipped, SHUFFLED, type TransposedForm, writeTransposed } from "./kit/transposed-convolution.js";
import { checkWindow, type WindowAttributes } from "./kit/window.js";
import { concrete, type Form, type LayerOperands, layerOperands, type OpDef, type Site, shapeError, spatialSizes } from "./op.js";

interface ConvTransposeAttributes extends WindowAttributes {
  readonly groups: number;
  /** Elements at the end of each axis that no window reaches: 0 to stride − 1. */
  readonly outputPadding: readonly number[];
}

export const convTranspose: OpDef<ConvTransposeAttributes, LayerOperands> = {
  doc: `x [N, C, spatial…], w [C, M/groups, kernel…], optional bias [M] → y [N, M, out…], the adjoint of conv (PyTorch's
ConvTranspose): y[n, m, j] = bias[m] + Σ x[n, c, i] · w[c, m, k] over all i, k with i·stride − begin + dilation·k = j;
out = stride·(size − 1) + dilation·(k − 1) + 1 − begin − end + outputPadding. M and C are multiples of groups.`,

  operands: layerOperands,
  infer: (inputs, attributes, site) => {
    const [x, w, bias] = inputs;
    checkFloats(inputs, site);
    const sizes = spatialSizes(x.shape, site);
    const channels = concrete(x.shape[1], "number of input channels", site);
    const { groups, kernelShape } = attributes;
    const [inChannels, groupChannels, ...kernel] = w.shape.map((dim, axis) => concrete(dim, `weight size ${axis}`, site));
    if (inChannels === undefined || groupChannels === undefined || kernel.join() !== kernelShape.join()) {
      throw shapeError(site, `weight ${formatShape(w.shape)} does not have kernelShape [${kernelShape.join(", ")}]`);
    }
    if (inChannels !== channels)
      throw shapeError(site, `input has ${channels} channels, weight ${formatShape(w.shape)} expects ${inChannels}`);
    if (!Number.isInteger(groups) || groups < 1) throw shapeError(site, `groups ${groups} must be an integer of at least 1`);
    if (channels % groups !== 0) throw shapeError(site, `groups ${groups} does not divide ${channels} input channels`);
    const outChannels = groupChannels * groups;
    if (bias && (bias.shape.length !== 1 || bias.shape[0] !== outChannels)) {
      throw shapeError(site, `bias ${formatShape(bias.shape)} must be [${outChannels}]`);
    }
    return [{ dtype: x.dtype, shape: [at(x.shape, 0), outChannels, ...outputSizes(sizes, attributes, site)] }];
  },

  // y is conv's input gradient of x, so its own gradients are the conv itself and conv's weight gradient with dy in the
  // place of conv's input: ⟨dy, convᵀ(x, w)⟩ = ⟨conv(dy, w), x⟩. The bias reaches every element of its channel.
  grad: (b, { inputs: [x, w], attributes, needed }, outputGradients) => {
    const dy = onlyGradient(outputGradients);
    const { kernelShape, strides, pads, dilations, groups } = attributes;
    const window = { kernelShape, strides, pads, dilations, groups };
    const axes = dy.type.shape.flatMap((_, axis) => (axis === 1 ? [] : [axis]));
    return [
      needed[0] ? b.add("conv", "dx", [dy, w], window) : null,
      needed[1] ? b.add("convWeightGradient", "dw", [dy, x], window) : null,
      needed[2] ? b.add("reduceSum", "dbias", [dy], { axes, keepDims: false }) : null,
    ];
  },

  lower: convTransposeForm([]),

  // Each input element is multiplied by a group's output channels under each tap of the kernel.
  macs: ([x, w]) => {
    const perElement = w.shape.slice(1).reduce<number>((total, dim) => total * Number(dim), 1);
    return x.shape.slice(1).reduce<number>((total, dim) => total * Number(dim), perElement);
  },
  window: () => "all",
};

/** The first of the forms that suits, or else ONNX's own operator. */
function convTransposeForm(forms: readonly TransposedForm[]): Form<ConvTransposeAttributes, LayerOperands> {
  return (site, { kernelShape, strides, pads, dilations, groups }) => {
    const inputShape = site.outputTypes[0].shape.slice(2).map(Number);
    return writeTransposed(forms, site, { kernelShape, strides, pads, dilations, groups, inputShape });
  };
}

/** Convolutions where they are faster. */
export const convTransposeByConvolution = convTransposeForm([flipped(flipByGathering), SHUFFLED]);

/** Convolutions for all volumes, too. */
export const convTransposeOfImages = convTransposeForm([flipped(flipByGathering), SHUFFLED, dilated(flipByGathering)]);

function outputSizes(sizes: readonly number[], attributes: ConvTransposeAttributes, site: Site): readonly number[] {
  checkWindow(attributes, sizes.length, site);
  const { kernelShape, strides, pads, dilations, outputPadding } = attributes;
  checkIntegers("outputPadding", outputPadding, sizes.length, 0, site);
  return sizes.map((size, axis) => {
    const [stride, extra] = [at(strides, axis), at(outputPadding, axis)];
    if (extra >= stride)
      throw shapeError(site, `outputPadding [${outputPadding.join(", ")}] must be less than strides [${strides.join(", ")}]`);
    const padding = at(pads, axis) + at(pads, axis + sizes.length);
    const out = stride * (size - 1) + at(dilations, axis) * (at(kernelShape, axis) - 1) + 1 - padding + extra;
    if (out < 1) throw shapeError(site, `padding ${padding} leaves nothing of size ${size} on spatial axis ${axis}`);
    return out;
  });
}

declare module "./op.js" {
  interface Ops {
    readonly convTranspose: typeof convTranspose;
  }
}
