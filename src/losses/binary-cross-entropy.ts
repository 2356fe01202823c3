import type { GraphBuilder, Ref } from "../ops/build.js";
import { type BinaryOptions, binaryLoss } from "./binary.js";

/**
 * Sigmoid cross-entropy: each class by itself is present or absent, so that an image may have several classes or none.
 *
 * With p = 1 / (1 + exp(−logit)), the target q and the class weight w, a class of an image costs
 * −w · (q ln p + (1 − q) ln(1 − p)). Label smoothing ε replaces q by (1 − ε) q + ε/2. The mean is over all images and classes.
 *
 * Source: torch.nn.functional.binary_cross_entropy_with_logits, with class weights its `weight`; smoothing as in Keras
 * (`tf.keras.losses.BinaryCrossentropy`). It is computed from ln p, which does not overflow.
 *
 * @param logits - [N, C, spatial…]
 * @param targets - of the logits' shape, in [0, 1]: 1 for each class that is present. They get no gradient that means anything
 * @returns [], with reduction `none` the logits' shape
 * @throws InceptionError SHAPE_INVALID where shapes differ, OPTION_INVALID for an option out of range
 *
 * @example
 * ```ts
 * import { GraphBuilder } from "inceptionkit/core";
 * import { binaryCrossEntropy } from "inceptionkit/train";
 * const b = new GraphBuilder("loss");
 * const loss = binaryCrossEntropy(b, "loss", b.input("logits", [8, 10]), b.input("targets", [8, 10]));
 * loss.type.shape; // []
 * ```
 */
export function binaryCrossEntropy(b: GraphBuilder, path: string, logits: Ref, targets: Ref, options: BinaryOptions = {}): Ref {
  return binaryLoss(b, path, logits, targets, options, (logs) => logs);
}
