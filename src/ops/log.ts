import type { NoAttributes } from "./global-average-pool.js";
import { unaryOp } from "./kit/elementwise.js";
import type { OpDef } from "./op.js";

export const log: OpDef<NoAttributes> = unaryOp(
  "Log",
  "x of any shape → the natural logarithm of x; −∞ at 0 and NaN below.",
  // d(ln x)/dx = 1/x.
  (b, { x, dy }) => b.add("div", "dx", [dy, x], {}),
);
