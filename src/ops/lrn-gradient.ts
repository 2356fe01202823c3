import { nodeList } from "./kit/lowering.js";
import { checkGradientShape } from "./kit/normalization.js";
import { bandMatrix, channelConvolution, checkLrn, type LrnAttributes, lrnDivisor } from "./lrn.js";
import { exactly, type Fixed, type OpDef, POINTWISE } from "./op.js";

/**
 * With v_c = bias + a·Σ x_j² over the channels j around c (a = alpha/size), y_c = x_c · v_c^−beta. x_j is in its own y
 * and in v of every channel c that has j in its window, ∂v_c/∂x_j = 2a·x_j, so
 *   dx_j = dy_j · v_j^−beta − 2·a·beta · x_j · Σ_c dy_c · x_c · v_c^(−beta − 1),
 * the sum over the window mirrored: floor((size − 1)/2) channels before j and floor(size/2) behind it.
 */
export const lrnGradient: OpDef<LrnAttributes, Fixed<2>> = {
  doc: `x, dy [N, C, spatial…] → dx: the gradient of lrn, whose attributes it has. Not differentiable: it is used in backward
graphs alone.`,
  operands: exactly(2),
  infer: ([x, dy], attributes, site) => {
    checkLrn(x, attributes, site);
    checkGradientShape(x, dy, site);
    return [x];
  },
  grad: null,
  lower: (site, attributes) => {
    const list = nodeList(site);
    const [x, dy] = site.inputs;
    const { size, alpha, beta } = attributes;
    const { shape = [] } = site.inputTypes[0] ?? {};
    const { sums, divisor } = lrnDivisor(list, x, attributes);
    const direct = list.add("Div", "direct", [dy, divisor]);
    const shares = list.add("Div", "shares", [list.add("Mul", "direct_x", [direct, x]), sums]);
    const [before, after] = [Math.floor((size - 1) / 2), Math.floor(size / 2)];
    const mirrored = list.floats("mirrored_band", ...bandMatrix(shape.length, Number(shape[1]), before, after, (2 * alpha * beta) / size));
    const around = channelConvolution(list, "around", [shares, mirrored], shape.length - 2);
    list.add("Sub", 0, [direct, list.add("Mul", "indirect", [x, around])]);
    return list.nodes;
  },
  ...POINTWISE,
};

declare module "./op.js" {
  interface Ops {
    readonly lrnGradient: typeof lrnGradient;
  }
}
