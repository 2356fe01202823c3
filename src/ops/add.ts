import type { NoAttributes } from "./global-average-pool.js";
import { binaryGradient, binaryOp } from "./kit/elementwise.js";
import type { OpDef } from "./op.js";

export const add: OpDef<NoAttributes> = binaryOp(
  "Add",
  "a + b.",
  // ∂(a + b)/∂a = ∂(a + b)/∂b = 1.
  binaryGradient(
    (_b, { dy }) => dy,
    (_b, { dy }) => dy,
  ),
);
