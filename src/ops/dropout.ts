import { exactly, type OpDef, POINTWISE, shapeError } from "./op.js";

interface DropoutAttributes {
  readonly [name: string]: number;
  /** Probability that an element is zeroed in training, in [0, 1). */
  readonly dropRate: number;
}

export const dropout: OpDef<DropoutAttributes> = {
  doc: "x of any shape → x at inference. In training an element is zeroed with probability dropRate, else divided by 1 − dropRate.",
  operands: exactly(1),
  infer: (inputs, { dropRate }, site) => {
    if (!(dropRate >= 0 && dropRate < 1)) throw shapeError(site, `dropRate ${dropRate} must be in [0, 1)`);
    return inputs;
  },
  // None on purpose: a training graph has no such node, it multiplies by a mask that is drawn outside and fed.
  grad: null,
  lower: (site) => [{ opType: "Identity", inputs: site.inputs, outputs: site.outputs, attributes: {} }],
  ...POINTWISE,
};

declare module "./op.js" {
  interface Ops {
    readonly dropout: typeof dropout;
  }
}
