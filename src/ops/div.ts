import { binaryGradient, binaryOp } from "./kit/elementwise.js";
import type { Fixed, NoAttributes, OpDef } from "./op.js";

export const div: OpDef<NoAttributes, Fixed<2>> = binaryOp(
  "Div",
  "a / b, element by element.",
  // ∂(a/b)/∂a = 1/b, and ∂(a/b)/∂b = −a/b² = −y/b with y = a/b.
  binaryGradient(
    (b, { b: second, dy }) => b.add("div", "da", [dy, second], {}),
    (b, { b: second, y, dy }) => {
      const quotient = b.add("div", "db_quotient", [b.add("mul", "db_product", [dy, y], {}), second], {});
      return b.add("scale", "db", [quotient], { factor: -1 });
    },
  ),
);

declare module "./op.js" {
  interface Ops {
    readonly div: typeof div;
  }
}
