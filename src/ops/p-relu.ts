import { formatShape, sameShape } from "../tensor/shape.js";
import { float32Tensor } from "../tensor/tensor.js";
import { checkFloats } from "./kit/axes.js";
import { broadcastShapes, unbroadcast } from "./kit/elementwise.js";
import { onlyGradient } from "./kit/gradient.js";
import { exactly, type Fixed, type Form, type NoAttributes, type OpDef, POINTWISE, shapeError } from "./op.js";

/** The least float32: no bound below. */
const LOWEST = -3.4028234663852886e38;

export const pRelu: OpDef<NoAttributes, Fixed<2>> = {
  doc: `x, slope → x where x > 0, else slope · x; the slope broadcasts to the shape of x as in NumPy (one per channel of
[N, C, H, W] is [C, 1, 1]).`,
  operands: exactly(2),
  infer: (inputs, _attributes, site) => {
    const [x, slope] = inputs;
    checkFloats(inputs, site);
    if (!sameShape(broadcastShapes(x.shape, slope.shape, site), x.shape)) {
      throw shapeError(site, `slope ${formatShape(slope.shape)} does not broadcast to ${formatShape(x.shape)}`);
    }
    return [x];
  },
  // With l = slope·dy: dx = dy where x > 0, else l; that is l + (dy − l where x > 0). dslope = dy·min(x, 0), summed over
  // the axes along which the slope was copied. At 0 dx = l, as in PyTorch.
  grad: (b, { inputs: [x, slope], needed }, outputGradients) => {
    const dy = onlyGradient(outputGradients);
    const dx = () => {
      const leak = b.add("mul", "leak", [dy, slope], {});
      const rest = b.add("reluGradient", "rest", [x, b.add("sub", "difference", [dy, leak], {})], {});
      return b.add("add", "dx", [leak, rest], {});
    };
    const dslope = () => {
      const negative = b.add("clip", "negative", [x], { min: LOWEST, max: 0 });
      return unbroadcast(b, "dslope_sum", b.add("mul", "dslope", [dy, negative], {}), slope.type.shape);
    };
    return [needed[0] ? dx() : null, needed[1] ? dslope() : null];
  },
  lower: (site) => [{ opType: "PRelu", inputs: site.inputs, outputs: site.outputs, attributes: {} }],
  ...POINTWISE,
};

/** relu(x) + slope · min(x, 0). */
export const pReluByParts: Form<NoAttributes, Fixed<2>> = (site) => {
  const [x, slope] = site.inputs;
  const [positive, negative, leak] = [site.inner("positive"), site.inner("negative"), site.inner("leak")];
  const bound = (name: string, value: number): string => site.constant(name, float32Tensor([], Float32Array.of(value)));
  return [
    { opType: "Relu", inputs: [x], outputs: [positive], attributes: {} },
    { opType: "Clip", inputs: [x, bound("lowest", LOWEST), bound("zero", 0)], outputs: [negative], attributes: {} },
    { opType: "Mul", inputs: [negative, slope], outputs: [leak], attributes: {} },
    { opType: "Add", inputs: [positive, leak], outputs: site.outputs, attributes: {} },
  ];
};

declare module "./op.js" {
  interface Ops {
    readonly pRelu: typeof pRelu;
  }
}
