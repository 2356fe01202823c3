import { unaryOp } from "./kit/elementwise.js";
import type { NoAttributes, OpDef } from "./op.js";

export const sqrt: OpDef<NoAttributes> = unaryOp(
  "Sqrt",
  "x of any shape → √x; NaN below 0. The gradient at 0 is infinite.",
  // d(√x)/dx = 1/(2·√x) = 1/(2·y).
  (b, { y, dy }) => b.add("scale", "dx", [b.add("div", "quotient", [dy, y], {})], { factor: 0.5 }),
);

declare module "./op.js" {
  interface Ops {
    readonly sqrt: typeof sqrt;
  }
}
