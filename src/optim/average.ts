import { InceptionError } from "../errors.js";
import type { GraphBuilder, Ref } from "../ops/build.js";
import { arithmetic } from "./arithmetic.js";

/** Inputs of one EMA step. */
export interface EmaInputs {
  /** [n]: the average so far; before the first step the parameter's first value. */
  readonly average: Ref;
  /** [n]: the parameter after the update. */
  readonly parameter: Ref;
  /** Decay of the average once it is warmed up, in [0, 1). */
  readonly decay: number;
  /** Scalar []: the number of updates including this one, so 1 at the first. */
  readonly step: Ref;
}

/**
 * Adds one step of the exponential moving average (EMA) of a parameter, which the papers evaluate instead of the parameter:
 * average + (1 − d) · (parameter − average), where d = min(decay, (1 + step) / (10 + step)). Three passes.
 *
 * Without the growing decay the average would consist mostly of the initial values for 1/(1 − decay) steps.
 *
 * Source: tf.train.ExponentialMovingAverage with `num_updates`.
 *
 * @returns the next average, [n]
 * @throws InceptionError OPTION_INVALID for a decay outside [0, 1)
 *
 * @example
 * ```ts
 * import { GraphBuilder } from "inceptionkit/core";
 * import { updateEma } from "inceptionkit/train";
 * const b = new GraphBuilder("average");
 * const [average, parameter, step] = [b.input("average", [6]), b.input("parameter", [6]), b.input("step", [])];
 * b.output("next", updateEma(b, "average.next", { average, parameter, decay: 0.9999, step }));
 * ```
 */
export function updateEma(b: GraphBuilder, path: string, { average, parameter, decay, step }: EmaInputs): Ref {
  if (!(decay >= 0 && decay < 1)) {
    throw new InceptionError("OPTION_INVALID", `Cannot average weights with decay ${decay}: expected a number in [0, 1)`, { decay });
  }
  const x = arithmetic(b, path);
  const way = x.sub("way", parameter, average);
  // 1 − (1 + step)/(10 + step) = 9/(10 + step), which stays above 1 − decay until the warmup ends.
  const share = x.clip("share", x.div("warm_share", x.scalar("nine", 9), x.offset("shifted", step, 10)), 1 - decay, 1);
  return x.add("average", average, x.mul("gone", way, share));
}
