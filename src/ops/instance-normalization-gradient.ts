import type { InstanceNormalizationAttributes } from "./instance-normalization.js";
import { nodeList } from "./kit/lowering.js";
import { channelSum, checkGradientShape, checkVectors, perChannel } from "./kit/normalization.js";
import { exactly, type Fixed, type OpDef, spatialSizes } from "./op.js";

/**
 * As for batch normalization, with the P positions of one channel of one image in the place of the batch:
 *   x̂ = (x − mean)/σ,   s = Σ_P dy,   t = Σ_P dy·x̂,   dx = scale/σ · (dy − s/P − x̂·t/P),
 * and scale and shift, which all images share, get dscale = Σ_N t and dshift = Σ_N s.
 */
export const instanceNormalizationGradient: OpDef<InstanceNormalizationAttributes, Fixed<3>, Fixed<3>> = {
  doc: `x, dy [N, C, spatial…], scale [C] → dx like x, dscale, dshift [C]: the gradient of instanceNormalization, its statistics
included. Not differentiable: it is used in backward graphs alone.`,
  furtherOutputs: ["dscale", "dshift"],

  operands: exactly(3),
  infer: ([x, dy, scale], { epsilon }, site) => {
    spatialSizes(x.shape, site);
    const vector = { dtype: x.dtype, shape: [checkVectors(x, { scale }, epsilon, site)] };
    checkGradientShape(x, dy, site);
    return [x, vector, vector];
  },

  grad: null,

  lower: (site, { epsilon }) => {
    const list = nodeList(site);
    const [x, dy, scale] = site.inputs;
    const shape = site.inputTypes[0].shape;
    const axes = list.ints(
      "axes",
      shape.slice(2).map((_, axis) => axis + 2),
    );
    const mean = (name: string, value: string): string => list.add("ReduceMean", name, [value, axes], { keepdims: { int: 1 } });
    const centered = list.add("Sub", "centred", [x, mean("mean", x)]);
    const variance = mean("variance", list.add("Mul", "squares", [centered, centered]));
    const deviation = list.add("Sqrt", "deviation", [list.add("Add", "variance_epsilon", [variance, list.scalar("epsilon", epsilon)])]);
    const normalized = list.add("Div", "normalized", [centered, deviation]);
    const products = list.add("Mul", "products", [dy, normalized]);
    const meanOfProducts = mean("mean_of_products", products);
    const centeredGradient = list.add("Sub", "centred_gradient", [dy, mean("mean_of_gradient", dy)]);
    const difference = list.add("Sub", "difference", [centeredGradient, list.add("Mul", "along", [normalized, meanOfProducts])]);
    const factor = list.add("Div", "factor", [perChannel(list, "scale_column", scale, shape), deviation]);
    list.add("Mul", 0, [difference, factor]);
    channelSum(list, 1, products, shape);
    channelSum(list, 2, dy, shape);
    return list.nodes;
  },
  macs: () => 0,
  window: () => "all",
};

declare module "./op.js" {
  interface Ops {
    readonly instanceNormalizationGradient: typeof instanceNormalizationGradient;
  }
}
