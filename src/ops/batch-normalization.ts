import { formatShape } from "../tensor/shape.js";
import { concrete, exactly, type OpDef, POINTWISE, shapeError } from "./op.js";

export interface BatchNormalizationAttributes {
  readonly [name: string]: number;
  /** Added to the variance before the root; positive. */
  readonly epsilon: number;
}

export const batchNormalization: OpDef<BatchNormalizationAttributes> = {
  doc: `x [N, C, spatial…], scale [C], shift [C], mean [C], variance [C] → scale·(x − mean)/√(variance + epsilon) + shift
with the given (running) statistics.`,
  infer: (inputs, { epsilon }, site) => {
    const [x, ...vectors] = exactly(5, inputs, site);
    const channels = concrete(x.shape[1], "number of channels", site);
    for (const [index, name] of ["scale", "shift", "mean", "variance"].entries()) {
      const shape = vectors[index]?.shape ?? [];
      if (shape.length !== 1 || shape[0] !== channels) throw shapeError(site, `${name} ${formatShape(shape)} must be [${channels}]`);
    }
    if (!(epsilon > 0)) throw shapeError(site, `epsilon ${epsilon} must be positive`);
    return [x];
  },
  grad: null,
  lower: (site, { epsilon }) => [
    { opType: "BatchNormalization", inputs: site.inputs, outputs: site.outputs, attributes: { epsilon: { float: epsilon } } },
  ],
  ...POINTWISE,
};
