import { onlyGradient } from "./kit/gradient.js";
import { checkVectors } from "./kit/normalization.js";
import { exactly, type Fixed, type OpDef, POINTWISE } from "./op.js";

interface BatchNormalizationAttributes {
  readonly [name: string]: number;
  /** Added to the variance before the root; positive. */
  readonly epsilon: number;
}

export const batchNormalization: OpDef<BatchNormalizationAttributes, Fixed<5>> = {
  doc: `x [N, C, spatial…], scale [C], shift [C], mean [C], variance [C] → scale·(x − mean)/√(variance + epsilon) + shift
with the given (running) statistics.`,
  operands: exactly(5),
  infer: ([x, scale, shift, mean, variance], { epsilon }, site) => {
    checkVectors(x, { scale, shift, mean, variance }, epsilon, site);
    return [x];
  },
  // y = x·a + rest with a = scale/σ and σ = √(variance + ε), given numbers: dx = a·dy, and dscale, dshift are the sums over
  // the channel of dy times (x − mean)/σ and 1. The statistics are not trained: none.
  grad: (b, { inputs: [x, scale, , mean, variance], attributes: { epsilon }, needed }, outputGradients) => {
    const affine = needed[1] || needed[2];
    const inputs = [x, onlyGradient(outputGradients), scale, mean, variance] as const;
    const [dx, dscale = null, dshift = null] = b.addAll("batchNormalizationGradient", "dx", inputs, { epsilon, affine });
    return [dx, dscale, dshift, null, null];
  },
  lower: (site, { epsilon }) => [
    { opType: "BatchNormalization", inputs: site.inputs, outputs: site.outputs, attributes: { epsilon: { float: epsilon } } },
  ],
  ...POINTWISE,
};

declare module "./op.js" {
  interface Ops {
    readonly batchNormalization: typeof batchNormalization;
  }
}
