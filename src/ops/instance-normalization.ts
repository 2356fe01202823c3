import { onlyGradient } from "./kit/gradient.js";
import { checkVectors } from "./kit/normalization.js";
import { exactly, type Fixed, type OpDef, spatialSizes } from "./op.js";

export interface InstanceNormalizationAttributes {
  readonly [name: string]: number;
  /** Added to the variance before the root; positive. */
  readonly epsilon: number;
}

export const instanceNormalization: OpDef<InstanceNormalizationAttributes, Fixed<3>> = {
  doc: `x [N, C, spatial…], scale [C], shift [C] → scale·(x − mean)/√(variance + epsilon) + shift with the mean and the
variance (divided by the number of elements) of each channel of each image, in training and at inference alike.`,
  operands: exactly(3),
  infer: ([x, scale, shift], { epsilon }, site) => {
    spatialSizes(x.shape, site);
    checkVectors(x, { scale, shift }, epsilon, site);
    return [x];
  },
  // Derived at instanceNormalizationGradient.
  grad: (b, { inputs: [x, scale], attributes }, outputGradients) =>
    b.addAll("instanceNormalizationGradient", "dx", [x, onlyGradient(outputGradients), scale], attributes),
  lower: (site, { epsilon }) => [
    { opType: "InstanceNormalization", inputs: site.inputs, outputs: site.outputs, attributes: { epsilon: { float: epsilon } } },
  ],
  macs: () => 0,
  window: () => "all",
};

declare module "./op.js" {
  interface Ops {
    readonly instanceNormalization: typeof instanceNormalization;
  }
}
