import { InceptionError } from "../errors.js";
import type { GraphBuilder, Ref } from "../ops/build.js";
import { shapeError } from "../ops/op.js";
import { formatShape } from "../tensor/shape.js";
import { type CrossEntropyOptions, crossEntropy } from "./cross-entropy.js";
import { allAxes, classesOf } from "./targets.js";

/** Options of the Dice loss. */
export interface DiceOptions {
  /** Whether the predictions are logits, which softmax over the classes makes probabilities. Default true. */
  readonly softmax?: boolean;
  /** Whether class 0 counts. Default true. */
  readonly includeBackground?: boolean;
  /** Whether sums run over the whole batch instead of each image. Default false. */
  readonly batch?: boolean;
  /** Whether the denominator sums squares. Default false. */
  readonly squaredPred?: boolean;
  /** Added to the numerator, at least 0. Default 1e-5. */
  readonly smoothNumerator?: number;
  /** Added to the denominator, at least 0. Default 1e-5. */
  readonly smoothDenominator?: number;
  /** Whether positions whose target is all zeros are ignored. Default false: predictions there count as false positives. */
  readonly ignoreUnlabeled?: boolean;
}

/** Options of the sum of Dice loss and cross-entropy. */
export interface DiceCrossEntropyOptions
  extends Omit<DiceOptions, "softmax">,
    Pick<CrossEntropyOptions, "labelSmoothing" | "classWeights"> {
  /** Factor of the Dice loss. Default 1. */
  readonly diceWeight?: number;
  /** Factor of the cross-entropy. Default 1. */
  readonly crossEntropyWeight?: number;
}

/** Options of nnU-Net's sum of Dice loss and cross-entropy. */
export interface NnunetOptions {
  /** nnU-Net's `do_bg`: whether class 0 counts in the Dice term. Default false. */
  readonly includeBackground?: boolean;
  /** nnU-Net's `batch_dice`. Default false. */
  readonly batch?: boolean;
  /** nnU-Net's `smooth`, added to numerator and denominator, at least 0. Default 1e-5. */
  readonly smooth?: number;
  /** Whether positions whose target is all zeros are left out of the Dice term, as nnU-Net does with its ignore label. Default true. */
  readonly ignoreUnlabeled?: boolean;
  /** Default 1. */
  readonly diceWeight?: number;
  /** Default 1. */
  readonly crossEntropyWeight?: number;
}

// nnU-Net's bound; MONAI has none, and divides 0 by 0 where it is told not to smooth.
const MIN_DENOMINATOR = 1e-8;
const LARGEST_FLOAT = 3.4028234663852886e38;

/**
 * The Dice loss: 1 − the mean over classes (and images, unless `batch`) of
 * (2 · Σ p·q + smoothNumerator) / max(Σ p + Σ q + smoothDenominator, 1e-8), with p the predicted and q the target
 * probabilities, sums over all positions; with `squaredPred` Σ p² + Σ q² below.
 *
 * Source: Milletari et al., arXiv:1606.04797, in the form of monai.losses.DiceLoss, which has no bound of 1e-8.
 *
 * @param logits - [N, C, spatial…], two or three spatial axes, or any number above 0
 * @param targets - of the logits' shape, in [0, 1] (`oneHotTargets` makes them from labels)
 * @returns []
 * @throws InceptionError SHAPE_INVALID where shapes differ, OPTION_INVALID for an option out of range
 *
 * @example
 * ```ts
 * import { GraphBuilder } from "inceptionkit/core";
 * import { dice } from "inceptionkit/train";
 * const b = new GraphBuilder("loss");
 * const [logits, targets] = [b.input("logits", [2, 3, 64, 64, 64]), b.input("targets", [2, 3, 64, 64, 64])];
 * dice(b, "loss", logits, targets, { includeBackground: false }).type.shape; // []
 * ```
 */
export function dice(b: GraphBuilder, path: string, logits: Ref, targets: Ref, options: DiceOptions = {}): Ref {
  const score = meanDice(b, `${path}.dice`, logits, targets, options);
  return b.add("sub", path, [b.add("constant", `${path}.one`, [], { shape: [], values: [1] }), score], {});
}

/**
 * diceWeight · Dice loss + crossEntropyWeight · mean cross-entropy over all classes. Class weights and smoothing are
 * those of the cross-entropy alone.
 *
 * Source: monai.losses.DiceCELoss.
 *
 * @param logits - [N, C, spatial…]
 * @param targets - of the logits' shape; rows sum to 1, or to 0 where a position has no label
 * @returns []
 * @throws InceptionError SHAPE_INVALID, OPTION_INVALID
 *
 * @example
 * ```ts
 * import { GraphBuilder } from "inceptionkit/core";
 * import { diceCrossEntropy } from "inceptionkit/train";
 * const b = new GraphBuilder("loss");
 * const [logits, targets] = [b.input("logits", [2, 3, 96, 96]), b.input("targets", [2, 3, 96, 96])];
 * diceCrossEntropy(b, "loss", logits, targets, { batch: true }).type.shape; // []
 * ```
 */
export function diceCrossEntropy(b: GraphBuilder, path: string, logits: Ref, targets: Ref, options: DiceCrossEntropyOptions = {}): Ref {
  const { diceWeight = 1, crossEntropyWeight = 1, labelSmoothing = 0, classWeights } = options;
  const overlap = dice(b, `${path}.dice_loss`, logits, targets, options);
  const entropy = crossEntropy(b, `${path}.cross_entropy`, logits, targets, {
    labelSmoothing,
    ...(classWeights === undefined ? {} : { classWeights }),
  });
  return combined(b, path, [overlap, diceWeight], [entropy, crossEntropyWeight]);
}

/**
 * crossEntropyWeight · mean cross-entropy − diceWeight · mean Dice, which may be negative. The Dice of a class is
 * (2 · Σ p·q + smooth) / max(Σ p + Σ q + smooth, 1e-8): nnU-Net's MemoryEfficientSoftDiceLoss, and its SoftDiceLoss too,
 * whose 2·TP + FP + FN is Σ p + Σ q.
 *
 * Source: DC_and_CE_loss of nnU-Net (nnunetv2) at commit 0e49508.
 *
 * @param logits - [N, C, spatial…]
 * @param targets - of the logits' shape; rows sum to 1, or to 0 where a position has no label
 * @returns []
 * @throws InceptionError SHAPE_INVALID, OPTION_INVALID
 *
 * @example
 * ```ts
 * import { GraphBuilder } from "inceptionkit/core";
 * import { nnunetDiceCrossEntropy } from "inceptionkit/train";
 * const b = new GraphBuilder("loss");
 * const [logits, targets] = [b.input("logits", [2, 3, 64, 64, 64]), b.input("targets", [2, 3, 64, 64, 64])];
 * nnunetDiceCrossEntropy(b, "loss", logits, targets, { batch: true }).type.shape; // []
 * ```
 */
export function nnunetDiceCrossEntropy(b: GraphBuilder, path: string, logits: Ref, targets: Ref, options: NnunetOptions = {}): Ref {
  const {
    includeBackground = false,
    batch = false,
    smooth = 1e-5,
    ignoreUnlabeled = true,
    diceWeight = 1,
    crossEntropyWeight = 1,
  } = options;
  const smoothing = { smoothNumerator: smooth, smoothDenominator: smooth };
  const score = meanDice(b, `${path}.dice`, logits, targets, { includeBackground, batch, ignoreUnlabeled, ...smoothing });
  const entropy = crossEntropy(b, `${path}.cross_entropy`, logits, targets);
  return combined(b, path, [score, -diceWeight], [entropy, crossEntropyWeight]);
}

/** The mean over classes (and images) of the soft Dice coefficient, []. */
function meanDice(b: GraphBuilder, path: string, logits: Ref, targets: Ref, options: DiceOptions): Ref {
  const classes = classesOf({ op: "dice", path }, logits, targets);
  if (logits.type.shape.length < 3) {
    throw shapeError({ op: "dice", path }, `expected logits [N, C, spatial…], got ${formatShape(logits.type.shape)}`);
  }
  const { includeBackground = true, batch = false, smoothNumerator = 1e-5, smoothDenominator = 1e-5 } = options;
  checkOptions(path, classes, { includeBackground, smoothNumerator, smoothDenominator });
  const { overlaps, sizes } = sums(b, path, logits, targets, options);
  const plus = (name: string, value: Ref, smooth: number) =>
    b.add("add", `${path}.${name}`, [value, b.add("constant", `${path}.${name}_by`, [], { shape: [], values: [smooth] })], {});
  const numerators = plus("numerators", b.add("scale", `${path}.twice`, [overlaps], { factor: 2 }), smoothNumerator);
  const bounds = { min: MIN_DENOMINATOR, max: LARGEST_FLOAT };
  const denominators = b.add("clip", `${path}.denominators`, [plus("smoothed_sizes", sizes, smoothDenominator)], bounds);
  const scores = b.add("div", `${path}.scores`, [numerators, denominators], {});
  // The small table of scores is cut, not the large maps.
  const foreground = { starts: [1], ends: [classes], axes: [batch ? 0 : 1], steps: [1] };
  const counted = includeBackground ? scores : b.add("slice", `${path}.foreground`, [scores], foreground);
  return b.add("reduceMean", path, [counted], { axes: allAxes(counted), keepDims: false });
}

/** Σ p·q and Σ p + Σ q (or of squares) for each class: [N, C], with `batch` [C]. */
function sums(
  b: GraphBuilder,
  path: string,
  logits: Ref,
  targets: Ref,
  options: DiceOptions,
): { readonly overlaps: Ref; readonly sizes: Ref } {
  const { softmax = true, batch = false, squaredPred = false, ignoreUnlabeled = false } = options;
  const given = softmax ? b.add("softmax", `${path}.softmax`, [logits], { axis: 1 }) : logits;
  const labeled = () => b.add("reduceSum", `${path}.labeled`, [targets], { axes: [1], keepDims: true });
  const predicted = ignoreUnlabeled ? b.add("mul", `${path}.predicted`, [given, labeled()], {}) : given;
  const axes = allAxes(logits).filter((axis) => axis > 1 || (batch && axis === 0));
  const sum = (name: string, x: Ref) => b.add("reduceSum", `${path}.${name}`, [x], { axes, keepDims: false });
  const size = (name: string, x: Ref) => sum(name, squaredPred ? b.add("mul", `${path}.${name}_squares`, [x, x], {}) : x);
  return {
    overlaps: sum("overlaps", b.add("mul", `${path}.products`, [predicted, targets], {})),
    sizes: b.add("add", `${path}.sizes`, [size("predicted_sizes", predicted), size("target_sizes", targets)], {}),
  };
}

/** Σ factor · part. */
function combined(b: GraphBuilder, path: string, ...parts: readonly (readonly [Ref, number])[]): Ref {
  const scaled = parts.map(([part, factor], index) => (factor === 1 ? part : b.add("scale", `${path}.part_${index}`, [part], { factor })));
  return b.add("sum", path, scaled, {});
}

function checkOptions(
  path: string,
  classes: number,
  options: { readonly includeBackground: boolean; readonly smoothNumerator: number; readonly smoothDenominator: number },
): void {
  const { includeBackground, ...smoothing } = options;
  for (const [name, value] of Object.entries(smoothing)) {
    if (!(Number.isFinite(value) && value >= 0)) throw invalid(path, `${name} is ${value}, expected a finite number of at least 0`);
  }
  if (!includeBackground && classes < 2) {
    throw invalid(path, `there is ${classes} class and includeBackground is false, expected a class besides the background`);
  }
}

function invalid(path: string, fact: string): InceptionError {
  return new InceptionError("OPTION_INVALID", `Cannot build loss "${path}": ${fact}`, { path });
}
