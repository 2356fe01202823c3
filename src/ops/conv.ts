import { at } from "../tensor/at.js";
import { formatShape } from "../tensor/shape.js";
import { onlyGradient } from "./kit/gradient.js";
import { nodeList } from "./kit/lowering.js";
import { addByImages, volumeConvolution } from "./kit/volume-convolution.js";
import { type ConvAttributes, lowerWindow, windowSizes } from "./kit/window.js";
import {
  concrete,
  type Fixed,
  type Form,
  type LayerOperands,
  layerOperands,
  type OpDef,
  type Site,
  shapeError,
  spatialSizes,
} from "./op.js";

export const conv: OpDef<ConvAttributes, LayerOperands> = {
  doc: `x [N, C, spatial…], w [M, C/groups, kernel…], optional bias [M] → y [N, M, out…], a cross-correlation:
y[n, m, p] = bias[m] + Σ x[n, c, p·stride − begin + dilation·k] · w[m, c, k], with zeros outside x;
out = floor((size + begin + end − dilation·(k − 1) − 1) / stride) + 1 along each axis. M and C are multiples of groups.`,

  operands: layerOperands,
  infer: inferConv,

  // y is linear in x, in w and in the bias. x[i] reaches y[p] through every tap k with p·stride − begin + dilation·k = i,
  // and w[m, c, k] reaches y[n, m, p] through that x[i]: both sums are ops of their own. The bias reaches every element
  // of its channel.
  grad: (b, { inputs: [x, w], attributes, needed }, outputGradients) => {
    const dy = onlyGradient(outputGradients);
    const inputShape = x.type.shape.slice(2).map(Number);
    const axes = dy.type.shape.flatMap((_, axis) => (axis === 1 ? [] : [axis]));
    return [
      needed[0] ? b.add("convInputGradient", "dx", [dy, w], { ...attributes, inputShape }) : null,
      needed[1] ? b.add("convWeightGradient", "dw", [x, dy], attributes) : null,
      needed[2] ? b.add("reduceSum", "dbias", [dy], { axes, keepDims: false }) : null,
    ];
  },

  lower: (site, attributes) => {
    const list = nodeList(site);
    list.add("Conv", 0, site.inputs, { ...lowerWindow(attributes), group: { int: attributes.groups } });
    return list.nodes;
  },

  // Each output element is one sum over a group's channels and the kernel.
  macs: ([, w], [y]) => {
    const perOutput = w.shape.slice(1).reduce<number>((product, dim) => product * Number(dim), 1);
    return y.shape.slice(1).reduce<number>((product, dim) => product * Number(dim), perOutput);
  },
  window: (attributes) => attributes,
};

/** Volumes as images where that is faster. */
export const convByImages: Form<ConvAttributes, LayerOperands> = (site, attributes) => {
  const list = nodeList(site);
  const byImages = attributes.groups === 1 && addByImages(list, volumeConvolution(site, attributes));
  return byImages ? list.nodes : conv.lower(site, attributes);
};

/** conv's shape rule. Its gradients obey it too: they take or give the tensors of a conv. */
export function inferConv([x, w, bias]: LayerOperands, attributes: ConvAttributes, site: Site): Fixed<1> {
  const sizes = spatialSizes(x.shape, site);
  const channels = concrete(x.shape[1], "number of input channels", site);
  const [outChannels, groupChannels, ...kernel] = w.shape.map((dim, axis) => concrete(dim, `weight size ${axis}`, site));
  const { groups } = attributes;
  if (outChannels === undefined || groupChannels === undefined || kernel.join() !== attributes.kernelShape.join()) {
    throw shapeError(site, `weight ${formatShape(w.shape)} does not have kernelShape [${attributes.kernelShape.join(", ")}]`);
  }
  if (!Number.isInteger(groups) || groups < 1) throw shapeError(site, `groups ${groups} must be an integer of at least 1`);
  if (groupChannels * groups !== channels) {
    throw shapeError(
      site,
      `input has ${channels} channels, weight ${formatShape(w.shape)} with groups ${groups} expects ${groupChannels * groups}`,
      {
        channels,
        weight: w.shape,
        groups,
      },
    );
  }
  if (outChannels % groups !== 0) throw shapeError(site, `groups ${groups} does not divide ${outChannels} output channels`);
  if (bias && (bias.shape.length !== 1 || bias.shape[0] !== outChannels)) {
    throw shapeError(site, `bias ${formatShape(bias.shape)} must be [${outChannels}]`);
  }
  return [{ dtype: x.dtype, shape: [at(x.shape, 0), outChannels, ...windowSizes(sizes, attributes, false, site)] }];
}

declare module "./op.js" {
  interface Ops {
    readonly conv: typeof conv;
  }
}
