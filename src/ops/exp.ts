import { unaryOp } from "./kit/elementwise.js";
import type { NoAttributes, OpDef } from "./op.js";

export const exp: OpDef<NoAttributes> = unaryOp(
  "Exp",
  "x of any shape → eˣ.",
  // d(eˣ)/dx = eˣ = y.
  (b, { y, dy }) => b.add("mul", "dx", [dy, y], {}),
);

declare module "./op.js" {
  interface Ops {
    readonly exp: typeof exp;
  }
}
