import { InceptionError } from "../errors.js";
import type { GraphBuilder, Ref } from "../ops/build.js";
import { arithmetic } from "./arithmetic.js";

/** Gradients after clipping. */
export interface Clipped {
  /** In the order and shapes in which they came. */
  readonly gradients: readonly Ref[];
  /** Scalar []: the L2 norm over all gradients before clipping. */
  readonly norm: Ref;
  /** Scalar []: what every gradient was multiplied by. */
  readonly coefficient: Ref;
}

/**
 * Scales gradients down so that their common L2 norm is at most `maxNorm`: each is multiplied by
 * min(1, maxNorm / (norm + 1e-6)). A norm that is not finite makes them NaN.
 *
 * Source: torch.nn.utils.clip_grad_norm_. Three passes over the gradients.
 *
 * @param gradients - at least one
 * @param maxNorm - above 0
 * @throws InceptionError OPTION_INVALID for another `maxNorm`
 *
 * @example
 * ```ts
 * import { GraphBuilder } from "inceptionkit/core";
 * import { clipByNorm } from "inceptionkit/train";
 * const b = new GraphBuilder("clip");
 * const { gradients, norm } = clipByNorm(b, "clip", [b.input("gradient", [6])], 2);
 * for (const gradient of gradients) b.output("clipped", gradient);
 * b.output("norm", norm);
 * ```
 */
export function clipByNorm(b: GraphBuilder, path: string, gradients: readonly Ref[], maxNorm: number): Clipped {
  checkLimit("norm", maxNorm);
  const x = arithmetic(b, path);
  const squares = gradients.map((gradient, index) => squareSum(b, `${path}.${index}`, gradient));
  const norm = x.sqrt("norm", squares.length === 1 && squares[0] ? squares[0] : b.add("sum", `${path}.square_sum`, squares, {}));
  const ratio = x.div("ratio", x.scalar("max_norm", maxNorm), x.offset("divisor", norm, 1e-6));
  const coefficient = x.clip("coefficient", ratio, 0, 1);
  return { gradients: gradients.map((gradient, index) => x.mul(`${index}.clipped`, gradient, coefficient)), norm, coefficient };
}

/**
 * Cuts every element of the gradients to [−limit, limit].
 *
 * Source: torch.nn.utils.clip_grad_value_. One pass.
 *
 * @param limit - above 0
 * @throws InceptionError OPTION_INVALID for another `limit`
 *
 * @example
 * ```ts
 * import { GraphBuilder } from "inceptionkit/core";
 * import { clipByValue } from "inceptionkit/train";
 * const b = new GraphBuilder("clip");
 * for (const clipped of clipByValue(b, "clip", [b.input("gradient", [6])], 0.5)) b.output("clipped", clipped);
 * ```
 */
export function clipByValue(b: GraphBuilder, path: string, gradients: readonly Ref[], limit: number): readonly Ref[] {
  checkLimit("value", limit);
  const x = arithmetic(b, path);
  return gradients.map((gradient, index) => x.clip(`${index}.clipped`, gradient, -limit, limit));
}

// A product tensor and a sum: the matrix product of a row and a column needs no such tensor, but runs on one core.
function squareSum(b: GraphBuilder, path: string, gradient: Ref): Ref {
  const squares = b.add("mul", `${path}.squares`, [gradient, gradient], {});
  const axes = gradient.type.shape.map((_, axis) => axis);
  return axes.length === 0 ? squares : b.add("reduceSum", `${path}.square_sum`, [squares], { axes, keepDims: false });
}

function checkLimit(what: string, limit: number): void {
  if (Number.isFinite(limit) && limit > 0) return;
  throw new InceptionError("OPTION_INVALID", `Cannot clip gradients by ${what} to ${limit}: expected a finite number above 0`, { limit });
}
