import { formatShape, sameShape } from "../tensor/shape.js";
import { inferConv } from "./conv.js";
import { checkFloats } from "./kit/axes.js";
import { chooseForm, FORMS, type WeightGradientParts } from "./kit/conv-weight-gradient-forms.js";
import { onlyGradient } from "./kit/gradient.js";
import { isOneImage, nodeList } from "./kit/lowering.js";
import { joinAtOnce } from "./kit/shader-buffers.js";
import { PRODUCTS_OF_COPIES } from "./kit/transposed-products.js";
import type { ConvAttributes } from "./kit/window.js";
import { concrete, exactly, type Fixed, type Form, type OpDef, shapeError } from "./op.js";

export const convWeightGradient: OpDef<ConvAttributes, Fixed<2>> = {
  doc: `x [N, C, spatial…], dy [N, M, out…] → dw [M, C/groups, kernel…], the gradient of conv with respect to its kernel:
dw[m, c, k] = Σ dy[n, m, p] · x[n, c, p·stride − begin + dilation·k] over all n, p, with zeros outside x. The attributes are those of the conv.`,

  operands: exactly(2),
  infer: (inputs, attributes, site) => {
    const [x, dy] = inputs;
    checkFloats(inputs, site);
    const { groups, kernelShape } = attributes;
    const channels = concrete(x.shape[1], "number of input channels", site);
    const outChannels = concrete(dy.shape[1], "number of output channels", site);
    if (groups >= 1 && channels % groups !== 0) throw shapeError(site, `groups ${groups} does not divide ${channels} input channels`);
    const w = { dtype: x.dtype, shape: [outChannels, channels / groups, ...kernelShape] };
    const [y] = inferConv([x, w], attributes, site);
    if (!sameShape(y.shape, dy.shape)) {
      throw shapeError(site, `dy is ${formatShape(dy.shape)}, a conv from ${formatShape(x.shape)} gives ${formatShape(y.shape)}`);
    }
    return [w];
  },

  // dw is linear in both operands. With g the gradient of dw, ⟨g, dw(x, dy)⟩ = ⟨dy, conv(x, g)⟩ = ⟨x, convᵀ(dy, g)⟩.
  grad: (b, { inputs: [x, dy], attributes, needed }, outputGradients) => {
    const g = onlyGradient(outputGradients);
    const inputShape = x.type.shape.slice(2).map(Number);
    return [
      needed[0] ? b.add("convInputGradient", "dx", [dy, g], { ...attributes, inputShape }) : null,
      needed[1] ? b.add("conv", "ddy", [x, g], attributes) : null,
    ];
  },

  lower: convWeightGradientForm({ join: joinAtOnce, products: PRODUCTS_OF_COPIES, forOneImage: true }),

  // Each element of dy meets a group's channels under each tap of the kernel.
  macs: ([x, dy], _outputs, { groups, kernelShape }) => {
    const perElement = kernelShape.reduce((total, size) => total * size, Number(x.shape[1]) / groups);
    return dy.shape.slice(1).reduce<number>((total, dim) => total * Number(dim), perElement);
  },
  window: () => "all",
};

interface ConvWeightGradientParts extends WeightGradientParts {
  /** Whether a convolution with a kernel as large as a map is fast. */
  readonly forOneImage: boolean;
}

/** The fastest form for the sizes of the operands. */
export function convWeightGradientForm(parts: ConvWeightGradientParts): Form<ConvAttributes, Fixed<2>> {
  return (site, attributes) => {
    const [x, dy] = site.inputs;
    const [{ shape: xShape }, { shape: dyShape }] = site.inputTypes;
    const list = nodeList(site);
    const operands = { attributes, x, dy, xShape, dyShape };
    FORMS[chooseForm(operands, parts.forOneImage && isOneImage(site, dyShape))](list, operands, parts);
    return list.nodes;
  };
}

declare module "./op.js" {
  interface Ops {
    readonly convWeightGradient: typeof convWeightGradient;
  }
}
