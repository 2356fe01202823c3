import { float32Tensor } from "../tensor/tensor.js";
import { checkFloats } from "./kit/axes.js";
import { exactly, type OpDef, POINTWISE, type Site, shapeError } from "./op.js";

interface QuantizeLinearAttributes {
  readonly [name: string]: number;
  /** The step between two levels, positive; as float32. */
  readonly scale: number;
  /** The level of 0, an integer in [0, 255]. */
  readonly zeroPoint: number;
}

export const quantizeLinear: OpDef<QuantizeLinearAttributes> = {
  doc: `x, float32 of any shape → uint8: round(x / scale) + zeroPoint, cut to [0, 255]; halves are rounded to the even number.
One scale for the whole tensor.`,
  operands: exactly(1),
  infer: ([x], { scale, zeroPoint }, site) => {
    checkFloats([x], site);
    checkScales([scale], site);
    if (!Number.isInteger(zeroPoint) || zeroPoint < 0 || zeroPoint > 255) {
      throw shapeError(site, `zeroPoint ${zeroPoint} must be an integer from 0 to 255`);
    }
    return [{ dtype: "uint8", shape: x.shape }];
  },
  // Its derivative is 0 almost everywhere, so nothing could be learned through it.
  grad: null,
  lower: (site, { scale, zeroPoint }) => {
    const step = site.constant("scale", float32Tensor([], Float32Array.of(scale)));
    const zero = site.constant("zero_point", { dtype: "uint8", shape: [], data: Uint8Array.of(zeroPoint) });
    return [{ opType: "QuantizeLinear", inputs: [...site.inputs, step, zero], outputs: site.outputs, attributes: {} }];
  },
  ...POINTWISE,
};

/** Throws unless all steps are positive numbers that float32 can hold. */
export function checkScales(scales: readonly number[], site: Site): void {
  const wrong = scales.find((scale) => !(Math.fround(scale) > 0) || !Number.isFinite(Math.fround(scale)));
  if (wrong !== undefined) throw shapeError(site, `scale ${wrong} must be positive and finite as float32`);
}

declare module "./op.js" {
  interface Ops {
    readonly quantizeLinear: typeof quantizeLinear;
  }
}
