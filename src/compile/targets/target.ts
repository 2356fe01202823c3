import type { OpName, Ops } from "../../ops/op.js";

/** Forms of ops, for those ops that are not written in their own form (`OpDef.lower`). */
type Forms = { readonly [K in OpName]?: Ops[K]["lower"] };

/** How ops are written for a runtime. */
export interface TargetForms {
  /** Forms of the ops whose own form the runtime does not have. */
  readonly needed: Forms;
  /** Forms that are only faster there. */
  readonly faster: Forms;
}
