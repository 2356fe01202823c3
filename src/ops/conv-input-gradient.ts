import { at } from "../tensor/at.js";
import { formatShape, sameShape } from "../tensor/shape.js";
import { inferConv } from "./conv.js";
import { checkFloats } from "./kit/axes.js";
import { onlyGradient } from "./kit/gradient.js";
import {
  dilated,
  flipByGathering,
  flipByProduct,
  flipped,
  PRODUCT,
  SHUFFLED,
  SMALL_TRANSPOSED,
  writeTransposed,
} from "./kit/transposed-convolution.js";
import { PRODUCTS_OF_COPIES, type TransposedProducts } from "./kit/transposed-products.js";
import type { ConvAttributes } from "./kit/window.js";
import { concrete, exactly, type Fixed, type Form, type OpDef, shapeError } from "./op.js";

export interface ConvInputGradientAttributes extends ConvAttributes {
  /** Spatial sizes of the convolution's input: several sizes have the same number of windows. */
  readonly inputShape: readonly number[];
}

export const convInputGradient: OpDef<ConvInputGradientAttributes, Fixed<2>> = {
  doc: `dy [N, M, out…], w [M, C/groups, kernel…] → dx [N, C, inputShape…], the gradient of conv with respect to its input:
dx[n, c, i] = Σ dy[n, m, p] · w[m, c, k] over all p, k with p·stride − begin + dilation·k = i. The other attributes are those of the conv.`,

  operands: exactly(2),
  infer: (inputs, attributes, site) => {
    const [dy, w] = inputs;
    checkFloats(inputs, site);
    const { groups, inputShape } = attributes;
    const channels = concrete(w.shape[1], "weight size 1", site) * groups;
    const x = { dtype: dy.dtype, shape: [at(dy.shape, 0), channels, ...inputShape] };
    const [y] = inferConv([x, w], attributes, site);
    if (!sameShape(y.shape, dy.shape)) {
      throw shapeError(site, `dy is ${formatShape(dy.shape)}, a conv from ${formatShape(x.shape)} gives ${formatShape(y.shape)}`);
    }
    return [x];
  },

  // dx is linear in both operands. With g the gradient of dx: ⟨g, convᵀ(dy, w)⟩ = ⟨conv(g, w), dy⟩, so dy gets conv(g, w);
  // the same sum over n, m, p, k as a function of w is the weight gradient with g in the place of x.
  grad: (b, { inputs: [dy, w], attributes, needed }, outputGradients) => {
    const g = onlyGradient(outputGradients);
    const { kernelShape, strides, pads, dilations, groups } = attributes;
    const window = { kernelShape, strides, pads, dilations, groups };
    return [needed[0] ? b.add("conv", "ddy", [g, w], window) : null, needed[1] ? b.add("convWeightGradient", "dw", [g, dy], window) : null];
  },

  lower: convInputGradientForm(PRODUCTS_OF_COPIES),

  // Each element of dy meets a group's channels under each tap of the kernel.
  macs: ([dy, w]) => {
    const perElement = w.shape.slice(1).reduce<number>((total, dim) => total * Number(dim), 1);
    return dy.shape.slice(1).reduce<number>((total, dim) => total * Number(dim), perElement);
  },
  window: () => "all",
};

/** The fastest of the exact forms, with kernels turned by products. */
export function convInputGradientForm(products: TransposedProducts): Form<ConvInputGradientAttributes, Fixed<2>> {
  const turn = flipByProduct(products);
  const forms = [PRODUCT, SMALL_TRANSPOSED, flipped(turn), SHUFFLED, dilated(turn)];
  return (site, attributes) => writeTransposed(forms, site, attributes);
}

/** The forms for any number of images, with kernels turned by gathering. */
export const convInputGradientByGathering: Form<ConvInputGradientAttributes, Fixed<2>> = (site, attributes) =>
  writeTransposed([flipped(flipByGathering), SHUFFLED, dilated(flipByGathering)], site, attributes);

declare module "./op.js" {
  interface Ops {
    readonly convInputGradient: typeof convInputGradient;
  }
}
