import { unaryOp } from "./kit/elementwise.js";
import type { NoAttributes, OpDef } from "./op.js";

export const log: OpDef<NoAttributes> = unaryOp(
  "Log",
  "x of any shape → the natural logarithm of x; −∞ at 0 and NaN below.",
  // d(ln x)/dx = 1/x.
  (b, { x, dy }) => b.add("div", "dx", [dy, x], {}),
);

declare module "./op.js" {
  interface Ops {
    readonly log: typeof log;
  }
}
