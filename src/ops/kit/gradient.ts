import type { Ref } from "../op.js";

/** The gradient of an op's only output, which is there whenever its rule is asked. */
export function onlyGradient(outputGradients: readonly (Ref | null)[]): Ref {
  const [gradient] = outputGradients;
  if (!gradient) throw new RangeError("Cannot differentiate: the op's first output has no gradient");
  return gradient;
}
