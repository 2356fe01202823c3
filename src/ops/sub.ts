import { binaryGradient, binaryOp } from "./kit/elementwise.js";
import type { Fixed, NoAttributes, OpDef } from "./op.js";

export const sub: OpDef<NoAttributes, Fixed<2>> = binaryOp(
  "Sub",
  "a − b.",
  // ∂(a − b)/∂a = 1 and ∂(a − b)/∂b = −1.
  binaryGradient(
    (_b, { dy }) => dy,
    (b, { dy }) => b.add("scale", "db", [dy], { factor: -1 }),
  ),
);

declare module "./op.js" {
  interface Ops {
    readonly sub: typeof sub;
  }
}
