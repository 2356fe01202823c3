import { nodeList } from "./kit/lowering.js";
import { checkGradientShape } from "./kit/normalization.js";
import { checkLpNormalization, type LpNormalizationAttributes } from "./lp-normalization.js";
import { exactly, type Fixed, type OpDef } from "./op.js";

/**
 * With r = ‖x‖ and d = max(r, ε), y = x/d. Where r ≥ ε, ∂r/∂x = x/r = y, so dx = dy/r − x·(Σ dy·x)/r³ = (dy − y·Σ dy·y)/d;
 * where r < ε the divisor is a number: dx = dy/d (PyTorch's choice at r = ε is the former).
 */
export const lpNormalizationGradient: OpDef<LpNormalizationAttributes, Fixed<2>> = {
  doc: `x, dy of the same shape → dx: the gradient of lpNormalization, whose attributes it has. Not differentiable: it is used in
backward graphs alone.`,
  operands: exactly(2),
  infer: ([x, dy], attributes, site) => {
    checkLpNormalization(x, attributes, site);
    checkGradientShape(x, dy, site);
    return [x];
  },
  grad: null,
  lower: (site, { axis, epsilon }) => {
    const list = nodeList(site);
    const [x, dy] = site.inputs;
    const [axes, keep] = [list.ints("axes", [axis]), { keepdims: { int: 1 } }];
    const norm = list.add("ReduceL2", "norm", [x, axes], keep);
    const least = list.scalar("epsilon", epsilon);
    const divisor = list.add("Max", "divisor", [norm, least]);
    const y = list.add("Div", "y", [x, divisor]);
    const along = list.add("ReduceSum", "along", [list.add("Mul", "products", [dy, y]), axes], keep);
    const counted = list.add("Where", "counted", [list.add("GreaterOrEqual", "long", [norm, least]), along, list.scalar("zero", 0)]);
    const rest = list.add("Sub", "rest", [dy, list.add("Mul", "part_along_y", [y, counted])]);
    list.add("Div", 0, [rest, divisor]);
    return list.nodes;
  },
  macs: () => 0,
  window: () => "all",
};

declare module "./op.js" {
  interface Ops {
    readonly lpNormalizationGradient: typeof lpNormalizationGradient;
  }
}
