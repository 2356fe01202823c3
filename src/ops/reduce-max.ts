import { type ReduceAttributes, reduceOp } from "./kit/reduce.js";
import type { OpDef } from "./op.js";

/** No gradient on purpose: it is used to shift exponentials, where it cancels, and its value at ties would be a convention. */
export const reduceMax: OpDef<ReduceAttributes> = reduceOp("ReduceMax", "The maximum of x over `axes`.", null);

declare module "./op.js" {
  interface Ops {
    readonly reduceMax: typeof reduceMax;
  }
}
