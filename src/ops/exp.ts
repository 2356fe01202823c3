import type { NoAttributes } from "./global-average-pool.js";
import { unaryOp } from "./kit/elementwise.js";
import type { OpDef } from "./op.js";

export const exp: OpDef<NoAttributes> = unaryOp(
  "Exp",
  "x of any shape → eˣ.",
  // d(eˣ)/dx = eˣ = y.
  (b, { y, dy }) => b.add("mul", "dx", [dy, y], {}),
);
