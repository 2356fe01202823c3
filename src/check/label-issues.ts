/**
 * Labels that are probably wrong, by confident learning (Northcutt, Jiang, Chuang, "Confident Learning: Estimating Uncertainty in
 * Dataset Labels", JAIR 2021) over the cross-validated probabilities of a linear classifier.
 */
import { randomStream } from "../data/random.js";
import { fitLogisticRegression, predictProbabilities, type Rows } from "./logistic-regression.js";

/** Probabilities of each class, [count, classes], row by row. */
interface Probabilities {
  readonly count: number;
  readonly classes: number;
  readonly data: Float64Array;
}

/** A label that is probably wrong. */
interface LabelIssue {
  readonly index: number;
  readonly label: number;
  /** The class that is more probable. */
  readonly suggested: number;
  /** Of the suggested class. */
  readonly probability: number;
  /** Probability of the label: the lower, the more suspect. */
  readonly selfConfidence: number;
}

interface CrossValidationOptions {
  readonly folds: number;
  readonly seed: number;
  /** Samples with the same number are in the same fold, such as copies of an image. Default: each is by itself. */
  readonly groups?: ArrayLike<number>;
  /** Called after each fold, which takes seconds; awaited, so that the caller can let other work go on. */
  readonly onFold?: (done: number, total: number) => Promise<void> | void;
}

/**
 * Strength of the fit, `C` of scikit-learn: strong regularization, since features are often more numerous than samples and a
 * classifier that fits every sample is also sure of its wrong labels.
 */
const STRENGTH = 0.01;

/**
 * Probabilities of each sample by a classifier that was fitted to other folds. Features are standardized by the mean and deviation of
 * all samples; folds have equal fractions of each class.
 *
 * @throws what `onFold` throws
 */
export async function crossValidatedProbabilities(
  rows: Rows,
  labels: ArrayLike<number>,
  classes: number,
  { folds, seed, groups, onFold }: CrossValidationOptions,
): Promise<Probabilities> {
  const standardized = standardize(rows);
  const foldOf = stratifiedFolds(labels, groups ?? Uint32Array.from({ length: rows.count }, (_, i) => i), folds, seed);
  const data = new Float64Array(rows.count * classes);
  for (let fold = 0; fold < folds; fold++) {
    const samples = Uint32Array.from({ length: rows.count }, (_, i) => i).filter((i) => foldOf[i] !== fold);
    const model = fitLogisticRegression(standardized, labels, samples, classes, { c: STRENGTH });
    for (let i = 0; i < rows.count; i++) {
      if (foldOf[i] === fold) data.set(predictProbabilities(model, standardized, i), i * classes);
    }
    await onFold?.(fold + 1, folds);
  }
  return { count: rows.count, classes, data };
}

/** Mean 0 and deviation 1 of each feature; one that is constant becomes 0. */
function standardize({ count, width, data }: Rows): Rows {
  const [sums, squares] = [new Float64Array(width), new Float64Array(width)];
  for (let i = 0; i < count; i++) for (let j = 0; j < width; j++) sums[j]! += data[i * width + j]! / count;
  for (let i = 0; i < count; i++) for (let j = 0; j < width; j++) squares[j]! += (data[i * width + j]! - sums[j]!) ** 2 / count;
  const scaled = new Float32Array(data.length);
  for (let i = 0; i < count; i++) {
    for (let j = 0; j < width; j++) {
      const deviation = Math.sqrt(squares[j]!);
      scaled[i * width + j] = deviation > 0 ? (data[i * width + j]! - sums[j]!) / deviation : 0;
    }
  }
  return { count, width, data: scaled };
}

/** The fold of each sample: of each class, groups in random order are dealt to the folds in turn. */
function stratifiedFolds(labels: ArrayLike<number>, groups: ArrayLike<number>, folds: number, seed: number): Uint8Array {
  const firsts = new Map<number, number>();
  for (let i = 0; i < groups.length; i++) if (!firsts.has(groups[i]!)) firsts.set(groups[i]!, i);
  const order = randomStream({ seed, purpose: "label folds" }).permutation(groups.length);
  const dealt = new Map<number, number>();
  const foldOf = new Uint8Array(groups.length);
  for (const i of order) {
    if (firsts.get(groups[i]!) !== i) continue;
    const label = labels[i]!;
    const before = dealt.get(label) ?? label % folds;
    foldOf[i] = before % folds;
    dealt.set(label, before + 1);
  }
  for (let i = 0; i < groups.length; i++) foldOf[i] = foldOf[firsts.get(groups[i]!)!]!;
  return foldOf;
}

/**
 * Samples that are probably of another class than their label says, most suspect first. A sample counts for a class where its
 * probability reaches the mean probability of that class over the samples labeled so; it is an issue where the most probable of the
 * classes that it counts for is not its label. Issues are ranked by the probability of the label, and not by its distance to that of the
 * other class: with classes that are alike the other one is rarely sure, whether the label is right or wrong.
 *
 * @param labels - class of each sample
 */
export function findLabelIssues({ count, classes, data }: Probabilities, labels: ArrayLike<number>): readonly LabelIssue[] {
  const thresholds = classThresholds({ count, classes, data }, labels);
  const issues: LabelIssue[] = [];
  for (let index = 0; index < count; index++) {
    const row = data.subarray(index * classes, (index + 1) * classes);
    const label = labels[index]!;
    let suggested = -1;
    for (let k = 0; k < classes; k++) {
      if (row[k]! >= thresholds[k]! && (suggested < 0 || row[k]! > row[suggested]!)) suggested = k;
    }
    if (suggested < 0 || suggested === label) continue;
    const [selfConfidence, probability] = [row[label]!, row[suggested]!];
    issues.push({ index, label, suggested, probability, selfConfidence });
  }
  return issues.toSorted((a, b) => a.selfConfidence - b.selfConfidence || a.index - b.index);
}

/** Mean probability of each class over the samples that are labeled so; infinite for a class without samples. */
function classThresholds({ count, classes, data }: Probabilities, labels: ArrayLike<number>): Float64Array {
  const [sums, counts] = [new Float64Array(classes), new Float64Array(classes)];
  for (let i = 0; i < count; i++) {
    sums[labels[i]!]! += data[i * classes + labels[i]!]!;
    counts[labels[i]!]! += 1;
  }
  return sums.map((sum, k) => (counts[k]! > 0 ? sum / counts[k]! : Number.POSITIVE_INFINITY));
}
