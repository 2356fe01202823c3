import { InceptionError } from "../errors.js";
import type { GraphBuilder, Ref } from "../ops/build.js";
import { arithmetic } from "./arithmetic.js";

/** What one step of a moving average reads. */
export interface AverageSite {
  /** [n]: the average so far; before the first step the parameter's first value. */
  readonly average: Ref;
  /** [n]: the parameter after the update. */
  readonly parameter: Ref;
  /** Share of the average that is kept, in [0, 1). */
  readonly decay: number;
  /** Scalar []: 1 at the first update. Read only where `warmUp`. */
  readonly step: Ref;
  /** Whether the first steps keep less: min(decay, (1 + step) / (10 + step)). Default false. */
  readonly warmUp?: boolean;
}

/**
 * The exponential moving average of a parameter, which the papers evaluate instead of the parameter:
 * average + (1 − decay) · (parameter − average). Three passes.
 *
 * Source: tf.train.ExponentialMovingAverage; `warmUp` is its `num_updates`.
 *
 * @returns the next average, [n]
 * @throws InceptionError OPTION_INVALID for a decay outside [0, 1)
 *
 * @example
 * ```ts
 * import { GraphBuilder } from "inceptionkit";
 * import { averageParameters } from "inceptionkit/train";
 * const b = new GraphBuilder("average");
 * const [average, parameter, step] = [b.input("average", [6]), b.input("parameter", [6]), b.input("step", [])];
 * b.output("next", averageParameters(b, "average.next", { average, parameter, decay: 0.9999, step, warmUp: true }));
 * ```
 */
export function averageParameters(b: GraphBuilder, path: string, { average, parameter, decay, step, warmUp = false }: AverageSite): Ref {
  if (!(decay >= 0 && decay < 1)) {
    throw new InceptionError("OPTION_INVALID", `Cannot average parameters with decay ${decay}: expected a number in [0, 1)`, { decay });
  }
  const x = arithmetic(b, path);
  const way = x.sub("way", parameter, average);
  if (!warmUp) return x.add("average", average, x.scaled("gone", way, 1 - decay));
  // 1 − (1 + step)/(10 + step) = 9/(10 + step), which stays above 1 − decay until the warm-up ends.
  const share = x.clip("share", x.div("warm_share", x.scalar("nine", 9), x.offset("shifted", step, 10)), 1 - decay, 1);
  return x.add("average", average, x.mul("gone", way, share));
}
