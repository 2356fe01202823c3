import type { DType } from "../tensor/dtype.js";
import { float32Tensor, type Tensor } from "../tensor/tensor.js";
import { formatCount } from "../text.js";
import { checkAxis } from "./kit/axes.js";
import { concrete, exactly, type OpDef, POINTWISE, shapeError } from "./op.js";
import { checkScales } from "./quantize-linear.js";

interface DequantizeLinearAttributes {
  readonly [name: string]: number | readonly number[];
  /** The step between two levels, positive, as float32: one for the whole tensor, or one for each index along `axis`. */
  readonly scales: readonly number[];
  /** The level of 0, an integer that x can hold. */
  readonly zeroPoint: number;
  /** The axis that several scales belong to. */
  readonly axis: number;
}

const LIMITS = { uint8: [0, 255], int8: [-128, 127], int32: [0, 0] } as const;

export const dequantizeLinear: OpDef<DequantizeLinearAttributes> = {
  doc: `x, uint8, int8 or int32 of any shape → float32: (x − zeroPoint) · scale, with one scale for all of x or one for each
index along \`axis\`. The zeroPoint of int32 is 0.`,
  operands: exactly(1),
  infer: ([x], { scales, zeroPoint, axis }, site) => {
    if (!isQuantized(x.dtype)) throw shapeError(site, `expected uint8, int8 or int32 elements, got ${x.dtype}`);
    checkScales(scales, site);
    if (scales.length !== 1) {
      checkAxis(axis, x.shape.length, site);
      const size = concrete(x.shape[axis], `size on axis ${axis}`, site);
      if (scales.length !== size) throw shapeError(site, `${scales.length} scales must be 1 or ${size}, the size on axis ${axis}`);
    }
    const [least, most] = LIMITS[x.dtype];
    if (!Number.isInteger(zeroPoint) || zeroPoint < least || zeroPoint > most) {
      throw shapeError(site, `zeroPoint ${zeroPoint} of ${x.dtype} must be an integer from ${least} to ${formatCount(most)}`);
    }
    return [{ dtype: "float32", shape: x.shape }];
  },
  // Integers have no gradient.
  grad: null,
  lower: (site, { scales, zeroPoint, axis }) => {
    const shape = scales.length === 1 ? [] : [scales.length];
    const step = site.constant("scale", float32Tensor(shape, Float32Array.from(scales)));
    const zero = site.constant("zero_point", zeroPoints(site.inputTypes[0].dtype, shape, zeroPoint));
    const attributes = scales.length === 1 ? {} : { axis: { int: axis } };
    return [{ opType: "DequantizeLinear", inputs: [...site.inputs, step, zero], outputs: site.outputs, attributes }];
  },
  ...POINTWISE,
};

function isQuantized(dtype: DType): dtype is keyof typeof LIMITS {
  return Object.hasOwn(LIMITS, dtype);
}

/** ONNX wants as many as there are scales, of x's type. */
function zeroPoints(dtype: DType | undefined, shape: readonly number[], value: number): Tensor {
  const [count = 1] = shape;
  if (dtype === "uint8") return { dtype, shape, data: new Uint8Array(count).fill(value) };
  if (dtype === "int8") return { dtype, shape, data: new Int8Array(count).fill(value) };
  return { dtype: "int32", shape, data: new Int32Array(count).fill(value) };
}

declare module "./op.js" {
  interface Ops {
    readonly dequantizeLinear: typeof dequantizeLinear;
  }
}
