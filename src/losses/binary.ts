/** What the losses share that decide on each class by itself. */
import { InceptionError } from "../errors.js";
import type { GraphBuilder, Ref } from "../ops/build.js";
import { at } from "../tensor/at.js";
import { allAxes, classesOf } from "./targets.js";

/** Smoothing, weights and reduction of a loss that decides on each class by itself. */
export interface BinaryOptions {
  /** Moves every target towards 1/2: (1 − ε) q + ε/2, in [0, 1]. Default 0. */
  readonly labelSmoothing?: number;
  /** A factor of at least 0 for each class. Default 1 for all. */
  readonly classWeights?: readonly number[];
  /** `mean` over images and classes, `sum`, or `none` for one value per image and class. Default `mean`. */
  readonly reduction?: "mean" | "sum" | "none";
}

/** Logarithms of the sigmoid and of its complement: the shape of the logits and an axis of size 1. */
export interface BinaryLogs {
  /** ln p, of a class that is present. */
  readonly present: Ref;
  /** ln(1 − p), of a class that is absent. */
  readonly absent: Ref;
}

/**
 * −Σ w (q · present + (1 − q) · absent), reduced.
 *
 * @param terms - what stands in place of ln p and ln(1 − p)
 */
export function binaryLoss(
  b: GraphBuilder,
  path: string,
  logits: Ref,
  targets: Ref,
  options: BinaryOptions,
  terms: (logs: BinaryLogs) => BinaryLogs,
): Ref {
  const { labelSmoothing = 0, classWeights, reduction = "mean" } = options;
  const classes = classesOf({ op: "binaryCrossEntropy", path }, logits, targets);
  checkOptions(path, classes, options);
  const found = terms(logSigmoids(b, path, logits));
  const asLogits = (name: keyof BinaryLogs) =>
    b.add("reshape", `${path}.${name}_term`, [found[name]], { shape: logits.type.shape.map(() => 0) });
  const [present, absent] = [asLogits("present"), asLogits("absent")];
  const smoothed = labelSmoothing === 0 ? targets : smooth(b, `${path}.smoothed`, targets, labelSmoothing);
  // absent + q · (present − absent)
  const difference = b.add("sub", `${path}.difference`, [present, absent], {});
  const mixed = b.add("add", `${path}.mixed`, [absent, b.add("mul", `${path}.chosen`, [smoothed, difference], {})], {});
  const costs = classWeights === undefined ? mixed : b.add("mul", `${path}.costs`, [mixed, perClass(b, path, logits, classWeights)], {});
  if (reduction === "none") return b.add("scale", path, [costs], { factor: -1 });
  const reduce = reduction === "sum" ? "reduceSum" : "reduceMean";
  return b.add("scale", path, [b.add(reduce, `${path}.total`, [costs], { axes: allAxes(costs), keepDims: false })], { factor: -1 });
}

/** ln σ(x) and ln σ(−x) as the logarithmic softmax of [x, 0] on an axis of its own: exact for logits of any size. */
function logSigmoids(b: GraphBuilder, path: string, logits: Ref): BinaryLogs {
  const axis = logits.type.shape.length;
  const kept = logits.type.shape.map(() => 0);
  const single = b.add("reshape", `${path}.single`, [logits], { shape: [...kept, 1] });
  const factors = b.add("constant", `${path}.factors`, [], { shape: [...kept.map(() => 1), 2], values: [1, 0] });
  const pair = b.add("mul", `${path}.pair`, [single, factors], {});
  const logs = b.addAll("split", `${path}.logs`, [b.add("logSoftmax", `${path}.log_softmax`, [pair], { axis })], { axis, sizes: [1, 1] });
  return { present: at(logs, 0), absent: at(logs, 1) };
}

function smooth(b: GraphBuilder, path: string, targets: Ref, labelSmoothing: number): Ref {
  const half = b.add("constant", `${path}.half`, [], { shape: [], values: [labelSmoothing / 2] });
  return b.add("add", path, [b.add("scale", `${path}.kept`, [targets], { factor: 1 - labelSmoothing }), half], {});
}

function perClass(b: GraphBuilder, path: string, like: Ref, values: readonly number[]): Ref {
  const shape = like.type.shape.map((_, axis) => (axis === 1 ? values.length : 1));
  return b.add("constant", `${path}.class_weights`, [], { shape, values });
}

function checkOptions(path: string, classes: number, { labelSmoothing = 0, classWeights }: BinaryOptions): void {
  if (!(labelSmoothing >= 0 && labelSmoothing <= 1)) {
    throw invalid(path, `labelSmoothing is ${labelSmoothing}, expected a number from 0 to 1`);
  }
  if (classWeights === undefined) return;
  if (classWeights.length !== classes) {
    throw invalid(path, `classWeights has ${classWeights.length} numbers, expected one for each of ${classes} classes`);
  }
  if (classWeights.every((weight) => Number.isFinite(weight) && weight >= 0)) return;
  throw invalid(path, `classWeights are ${classWeights.join(", ")}, expected finite numbers of at least 0`);
}

export function invalid(path: string, fact: string): InceptionError {
  return new InceptionError("OPTION_INVALID", `Cannot build loss "${path}": ${fact}`, { path });
}
