import { InceptionError } from "../errors.js";
import type { GraphBuilder, Ref } from "../ops/build.js";
import { allAxes, classesOf } from "./targets.js";

/** Smoothing and weights of the cross-entropy. */
export interface CrossEntropyOptions {
  /** Fraction of the target distribution that is spread evenly over all classes, in [0, 1]. Default 0. */
  readonly labelSmoothing?: number;
  /** A factor of at least 0 for each class, not all 0. Default 1 for all. */
  readonly classWeights?: readonly number[];
  /** `mean`, `sum`, or `none` for one value per image and position. Default `mean`. */
  readonly reduction?: "mean" | "sum" | "none";
}

// Below every weight that makes sense, above the smallest float32; the numerator is 0 wherever this is what divides.
const MIN_WEIGHT = 1e-30;
const LARGEST_FLOAT = 3.4028234663852886e38;

/**
 * Softmax cross-entropy between logits and target distributions, one-hot or mixed.
 *
 * With p = softmax(logits), the target q, the class weights w and the smoothing ε, a row (an image, or a position in one)
 * costs −(1 − ε) · Σ_c w_c q_c ln p_c − ε/C · s · Σ_c w_c ln p_c, where s = Σ_c q_c. A row of zeros costs nothing and is
 * not counted: PyTorch's `ignore_index`. The mean is the sum of the rows over Σ w_c q_c of all rows, for one-hot targets
 * the sum of the targets' weights, as in PyTorch; where that is 0, since every row is left out or weighs nothing, the
 * loss and its gradient are 0 (PyTorch: NaN).
 *
 * Source: torch.nn.functional.cross_entropy with class indices. For mixed targets with class weights PyTorch divides by
 * the number of rows instead.
 *
 * @param logits - [N, C, spatial…]
 * @param targets - of the logits' shape, at least 0; rows sum to 1 or 0. They get no gradient that means anything
 * @returns [], with reduction `none` [N, spatial…]
 * @throws InceptionError SHAPE_INVALID where shapes differ, OPTION_INVALID for an option out of range
 *
 * @example
 * ```ts
 * import { GraphBuilder } from "inceptionkit/core";
 * import { crossEntropy } from "inceptionkit/train";
 * const b = new GraphBuilder("loss");
 * const loss = crossEntropy(b, "loss", b.input("logits", [8, 10]), b.input("targets", [8, 10]), { labelSmoothing: 0.1 });
 * loss.type.shape; // []
 * ```
 */
export function crossEntropy(b: GraphBuilder, path: string, logits: Ref, targets: Ref, options: CrossEntropyOptions = {}): Ref {
  const { labelSmoothing = 0, classWeights, reduction = "mean" } = options;
  const classes = classesOf({ op: "crossEntropy", path }, logits, targets);
  checkOptions(path, classes, options);
  const logP = b.add("logSoftmax", `${path}.log_softmax`, [logits], { axis: 1 });
  const weights = classWeights && perClass(b, `${path}.class_weights`, logits, classWeights);
  const costs = weights ? b.add("mul", `${path}.costs`, [targets, weights], {}) : targets;
  const smoothed = labelSmoothing === 0 ? costs : smooth(b, `${path}.smoothed`, { targets, costs, classWeights, labelSmoothing });
  const products = b.add("mul", `${path}.products`, [smoothed, logP], {});
  if (reduction === "none") {
    return b.add("scale", path, [b.add("reduceSum", `${path}.rows`, [products], { axes: [1], keepDims: false })], { factor: -1 });
  }
  const total = b.add("reduceSum", `${path}.total`, [products], { axes: allAxes(products), keepDims: false });
  if (reduction === "sum") return b.add("scale", path, [total], { factor: -1 });
  const counted = b.add("reduceSum", `${path}.counted`, [costs], { axes: allAxes(costs), keepDims: false });
  const divisor = b.add("clip", `${path}.divisor`, [counted], { min: MIN_WEIGHT, max: LARGEST_FLOAT });
  return b.add("div", path, [b.add("scale", `${path}.sum`, [total], { factor: -1 }), divisor], {});
}

interface Smoothing {
  readonly targets: Ref;
  /** Targets times class weights. */
  readonly costs: Ref;
  readonly classWeights: readonly number[] | undefined;
  readonly labelSmoothing: number;
}

/** (1 − ε) · w q + ε/C · w · Σ_c q_c: rows of zeros stay rows of zeros. */
function smooth(b: GraphBuilder, path: string, { targets, costs, classWeights, labelSmoothing }: Smoothing): Ref {
  const classes = Number(targets.type.shape[1]);
  const mass = b.add("reduceSum", `${path}.mass`, [targets], { axes: [1], keepDims: true });
  const shares = (classWeights ?? [1]).map((weight) => (weight * labelSmoothing) / classes);
  const spread = b.add("mul", `${path}.spread`, [mass, perClass(b, `${path}.shares`, targets, shares)], {});
  return b.add("add", path, [b.add("scale", `${path}.kept`, [costs], { factor: 1 - labelSmoothing }), spread], {});
}

/** Values for each class, or one for all, that broadcast over [N, C, spatial…]. */
function perClass(b: GraphBuilder, path: string, like: Ref, values: readonly number[]): Ref {
  const shape = like.type.shape.map((_, axis) => (axis === 1 ? values.length : 1));
  return b.add("constant", path, [], { shape, values });
}

function checkOptions(path: string, classes: number, { labelSmoothing = 0, classWeights }: CrossEntropyOptions): void {
  if (!(labelSmoothing >= 0 && labelSmoothing <= 1)) {
    throw invalid(path, `labelSmoothing is ${labelSmoothing}, expected a number from 0 to 1`);
  }
  if (classWeights === undefined) return;
  if (classWeights.length !== classes) {
    throw invalid(path, `classWeights has ${classWeights.length} numbers, expected one for each of ${classes} classes`);
  }
  const acceptable = classWeights.every((weight) => Number.isFinite(weight) && weight >= 0) && classWeights.some((weight) => weight > 0);
  if (!acceptable) throw invalid(path, `classWeights are ${classWeights.join(", ")}, expected finite numbers of at least 0, not all 0`);
}

function invalid(path: string, fact: string): InceptionError {
  return new InceptionError("OPTION_INVALID", `Cannot build loss "${path}": ${fact}`, { path });
}
