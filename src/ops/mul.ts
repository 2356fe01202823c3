import { binaryGradient, binaryOp } from "./kit/elementwise.js";
import type { Fixed, NoAttributes, OpDef } from "./op.js";

export const mul: OpDef<NoAttributes, Fixed<2>> = binaryOp(
  "Mul",
  "a · b, element by element.",
  // ∂(a·b)/∂a = b and ∂(a·b)/∂b = a.
  binaryGradient(
    (b, { b: second, dy }) => b.add("mul", "da", [dy, second], {}),
    (b, { a: first, dy }) => b.add("mul", "db", [dy, first], {}),
  ),
);

declare module "./op.js" {
  interface Ops {
    readonly mul: typeof mul;
  }
}
