import { binaryGradient, binaryOp } from "./kit/elementwise.js";
import type { NoAttributes, OpDef } from "./op.js";

export const add: OpDef<NoAttributes> = binaryOp(
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
