import { at } from "../tensor/at.js";
import { elementCount, float32Tensor } from "../tensor/tensor.js";
import { type OpDef, POINTWISE, shapeError } from "./op.js";

interface ConstantAttributes {
  readonly [name: string]: readonly number[];
  readonly shape: readonly number[];
  /** Row-major float32 values, one per element, or a single one for all. */
  readonly values: readonly number[];
}

export const constant: OpDef<ConstantAttributes, readonly []> = {
  doc: "No input → a float32 tensor of `shape` with the given values; one value stands for every element.",
  operands: (inputs, site) => {
    if (inputs.length > 0) throw shapeError(site, `expected no inputs, got ${inputs.length}`);
    return [];
  },
  infer: (_inputs, { shape, values }, site) => {
    const count = elementCount(shape);
    if (shape.some((size) => !Number.isInteger(size) || size < 0))
      throw shapeError(site, `shape [${shape.join(", ")}] must be whole sizes`);
    if (values.length !== 1 && values.length !== count)
      throw shapeError(site, `${values.length} values do not fill shape [${shape.join(", ")}]`);
    return [{ dtype: "float32", shape }];
  },
  // It has no input that could get one.
  grad: null,
  lower: (site, { shape, values }) => {
    const data = values.length === 1 ? new Float32Array(elementCount(shape)).fill(at(values, 0)) : Float32Array.from(values);
    return [{ opType: "Constant", inputs: [], outputs: site.outputs, attributes: { value: { tensor: float32Tensor(shape, data) } } }];
  },
  ...POINTWISE,
};

declare module "./op.js" {
  interface Ops {
    readonly constant: typeof constant;
  }
}
