/** For whom a graph is written in ONNX. No op knows of it: a target's table chooses among the exact forms that ops have. */
import { InceptionError } from "../../errors.js";
import type { Attributes } from "../../ir/graph.js";
import { isOpName, opDef } from "../../ops/index.js";
import type { Form, Operands } from "../../ops/op.js";
import { ORT_CPU } from "./ort-cpu.js";
import { STANDARD } from "./standard.js";
import type { TargetForms } from "./target.js";
import { WEBGPU } from "./webgpu.js";

const TARGETS = { standard: STANDARD, "ort-cpu": ORT_CPU, webgpu: WEBGPU } as const satisfies Record<string, TargetForms>;

/**
 * The runtime that a graph is compiled for: "standard", every runtime, by ONNX's own operators; "ort-cpu", ONNX Runtime's CPU
 * provider, which has more; "webgpu", ONNX Runtime's WebGPU provider, which has fewer.
 */
export type Target = keyof typeof TARGETS;

/** Which runtime a graph is lowered for. */
export interface TargetOptions {
  /** Default "standard". */
  readonly target?: Target;
  /**
   * Whether networks are written in forms that are only faster: volumes as images, linear layers composed. Without, a graph has
   * one operator for each layer that has one in ONNX, and no operator depends on the size of the input. Default true.
   */
  readonly optimize?: boolean;
}

/**
 * Types do not reach callers in JavaScript.
 *
 * @param name - of the graph
 * @throws InceptionError OPTION_INVALID for a target that does not exist, and for `profile`, the option's name before 0.2
 */
export function checkTarget(name: string, options: TargetOptions): void {
  const { target = "standard" } = options;
  const known = Object.keys(TARGETS).join(", ");
  const refused = (fact: string) => new InceptionError("OPTION_INVALID", `Cannot compile "${name}" ${fact}`, { target });
  if ("profile" in options) throw refused(`with \`profile\`: it is \`target\` now, one of ${known}; "plain" is \`optimize\` false`);
  if (!Object.hasOwn(TARGETS, target)) throw refused(`for target "${String(target)}": expected one of ${known}`);
}

/** The form that a target has for an op. */
export function formOf(op: string, { target = "standard", optimize = true }: TargetOptions): Form<Attributes, Operands, Operands> {
  const { needed, faster }: TargetForms = TARGETS[target];
  const chosen = isOpName(op) ? ((optimize ? faster[op] : undefined) ?? needed[op]) : undefined;
  // The form is of this op, and the node's attributes were checked against the op's type when the builder made it.
  return (chosen as Form<Attributes, Operands, Operands> | undefined) ?? opDef(op).lower;
}
