import { binaryGradient, binaryOp } from "./kit/elementwise.js";
import type { Fixed, NoAttributes, OpDef } from "./op.js";

export const add: OpDef<NoAttributes, Fixed<2>> = binaryOp(
  "Add",
  "a + b.",
  // ∂(a + b)/∂a = ∂(a + b)/∂b = 1.
  binaryGradient(
    (_b, { dy }) => dy,
    (_b, { dy }) => dy,
  ),
);

declare module "./op.js" {
  interface Ops {
    readonly add: typeof add;
  }
}
