import { InceptionError } from "../errors.js";

/** Logits of images, and what the images are. */
export interface MeasuredBatch {
  /** [count, classes], row-major; not yet through softmax. */
  readonly logits: Float32Array;
  /** Class index per image, in [0, classes). */
  readonly labels: ArrayLike<number>;
  /** Index of each image in the dataset, to identify misclassified images. */
  readonly indices: ArrayLike<number>;
}

/** What a classifier answered for one image, as far as it is measured. */
export interface ScoredImage {
  /** In the dataset. */
  readonly index: number;
  readonly label: number;
  /** The class with the largest logit. */
  readonly answer: number;
  /** How many classes rank before the label: 0 where it is the answer. */
  readonly rank: number;
  /** Cross entropy, in nats. */
  readonly loss: number;
  /** Softmax of the answer. */
  readonly probability: number;
}

/** A wrong answer that the network was sure of. */
export interface Mistake {
  /** In the dataset. */
  readonly index: number;
  readonly name: string;
  readonly label: number;
  readonly predicted: number;
  /** Softmax of the predicted class. */
  readonly probability: number;
  /** Cross entropy of the image, in nats. */
  readonly loss: number;
}

/** How one class came out. A ratio without a denominator is null. */
export interface ClassScore {
  /** Images of this class. */
  readonly support: number;
  /** Images taken for this class. */
  readonly predicted: number;
  /** Precision in [0, 1]; null if no image was predicted as this class. */
  readonly precision: number | null;
  /** Recall in [0, 1]; null if there is no image of this class. */
  readonly recall: number | null;
  /** Harmonic mean of both, 2 TP / (support + predicted); null where the class occurs neither in truth nor in answers. */
  readonly f1: number | null;
}

/** How well each class by itself was recognized, of images that may have several classes or none. */
export interface MultiLabelScores {
  /** Mean of the average precisions (mAP), over the classes that have images; NaN where none has. */
  readonly meanAveragePrecision: number;
  /** By class; null where no image has it. See `averagePrecision`. */
  readonly averagePrecision: readonly (number | null)[];
  /** By class: an image is predicted to have it where its probability is at least this. */
  readonly thresholds: readonly number[];
  /** Whether the thresholds were chosen on these very images, which flatters precision, recall and F1. */
  readonly areThresholdsFitted: boolean;
}

/** Evaluation of a classifier on labeled images. Accuracies are in [0, 1]; all means are NaN without images. */
export interface Evaluation {
  readonly images: number;
  /** Mean cross entropy, in nats. */
  readonly loss: number;
  readonly top1: number;
  readonly top5: number;
  readonly classes: readonly ClassScore[];
  /**
   * Means over the classes that have images, each class counting the same; a class that is never answered has precision 0.
   * The mean recall is also called balanced accuracy.
   */
  readonly macro: { readonly precision: number; readonly recall: number; readonly f1: number };
  /** Counts: `confusion[truth][answer]`. Null above 2,048 classes. */
  readonly confusion: readonly (readonly number[])[] | null;
  /** The wrong answers with the largest loss, largest first. */
  readonly mistakes: readonly Mistake[];
  /**
   * Of a classifier that decides on each class by itself; absent for one that decides between the classes. What the other fields are
   * then is said at `MultiLabelMetrics.result`.
   */
  readonly multiLabel?: MultiLabelScores;
}

/** What the metrics of a classifier need besides logits and labels. */
export interface MetricsOptions {
  readonly numClasses: number;
  /** Name of an image for people. */
  readonly nameOf: (index: number) => string;
  /** Mistakes to keep. Default 24. */
  readonly mistakes?: number;
}

/** 2,048² counts take 32 MB as numbers of a list, and nobody reads a larger matrix. */
const MAX_CONFUSION_CLASSES = 2048;

/**
 * How many classes rank before `label` in a row of logits: 0 where it is the answer. Among equal logits the lower index
 * comes first; NaN ranks above every number, as in torch.topk.
 */
export function rankOf(label: number, logits: ArrayLike<number>, offset: number, numClasses: number): number {
  const own = logits[offset + label] ?? Number.NaN;
  let rank = 0;
  for (let index = 0; index < numClasses; index++) {
    const other = logits[offset + index] ?? Number.NaN;
    if (index < label ? !ranksBefore(own, other) : ranksBefore(other, own)) rank++;
  }
  return rank;
}

function ranksBefore(a: number, b: number): boolean {
  return a > b || (Number.isNaN(a) && !Number.isNaN(b));
}

/**
 * Images whose class is among the k best answers. With k at least the number of classes that is every image.
 *
 * @throws InceptionError SHAPE_INVALID, DATASET_INVALID as `ClassificationMetrics.update`
 */
export function topKCorrect(logits: Float32Array, labels: ArrayLike<number>, numClasses: number, k: number): number {
  checkBatch(logits, labels, numClasses);
  let correct = 0;
  for (let row = 0; row < labels.length; row++) if (rankOf(labels[row] ?? 0, logits, row * numClasses, numClasses) < k) correct++;
  return correct;
}

/**
 * −log softmax(logits)[label] in nats, in float64: log Σ exp(z_i − m) + m − z_label with m = max z, so that no exponential
 * overflows. NaN where a logit is NaN or +∞.
 */
export function crossEntropy(label: number, logits: ArrayLike<number>, offset: number, numClasses: number): number {
  const { max, sum } = softmaxParts(logits, offset, numClasses);
  return Math.log(sum) + max - (logits[offset + label] ?? Number.NaN);
}

function softmaxParts(logits: ArrayLike<number>, offset: number, numClasses: number): { readonly max: number; readonly sum: number } {
  let max = Number.NEGATIVE_INFINITY;
  for (let index = 0; index < numClasses; index++) max = Math.max(max, logits[offset + index] ?? Number.NaN);
  let sum = 0;
  for (let index = 0; index < numClasses; index++) sum += Math.exp((logits[offset + index] ?? Number.NaN) - max);
  return { max, sum };
}

/** Labels must be classes, and logits a whole table. */
function checkBatch(logits: Float32Array, labels: ArrayLike<number>, numClasses: number): void {
  if (logits.length !== labels.length * numClasses) {
    throw new InceptionError(
      "SHAPE_INVALID",
      `Cannot evaluate a batch: it has ${logits.length} logits for ${labels.length} labels, expected ${labels.length} x ${numClasses}`,
      { logits: logits.length, labels: labels.length, numClasses },
    );
  }
  for (let row = 0; row < labels.length; row++) {
    const label = labels[row] ?? -1;
    if (Number.isInteger(label) && label >= 0 && label < numClasses) continue;
    throw new InceptionError(
      "DATASET_INVALID",
      `Cannot evaluate image ${row} of a batch: its label is ${label}, expected an integer from 0 to ${numClasses - 1}`,
      { row, label, numClasses },
    );
  }
}

/**
 * Measures a classifier batch by batch; what it holds does not grow with the number of images. The order of the images
 * changes the last bits of the mean loss and nothing else.
 *
 * @example
 * ```ts
 * import { ClassificationMetrics } from "inceptionkit/train";
 * const metrics = new ClassificationMetrics({ numClasses: 2, nameOf: (index) => `image ${index}` });
 * metrics.update({ logits: Float32Array.of(3, 1, 0, 2), labels: [0, 0], indices: [0, 1] });
 * metrics.result().top1; // 0.5
 * ```
 */
export class ClassificationMetrics {
  readonly #options: MetricsOptions;
  readonly #confusion: Uint32Array | null;
  readonly #support: Uint32Array;
  readonly #predicted: Uint32Array;
  readonly #correct: Uint32Array;
  readonly #mistakes: MistakeList;
  #images = 0;
  #loss = 0;
  #top5 = 0;

  /** @throws InceptionError OPTION_INVALID unless `numClasses` is a positive integer and `mistakes` is 0 or one */
  constructor(options: MetricsOptions) {
    const { numClasses, mistakes = 24 } = options;
    if (!Number.isSafeInteger(numClasses) || numClasses < 1 || !Number.isSafeInteger(mistakes) || mistakes < 0) {
      const fact = `numClasses is ${numClasses} and mistakes ${mistakes}, expected integers of at least 1 and 0`;
      throw new InceptionError("OPTION_INVALID", `Cannot evaluate a classifier: ${fact}`, { numClasses, mistakes });
    }
    this.#options = options;
    this.#confusion = numClasses > MAX_CONFUSION_CLASSES ? null : new Uint32Array(numClasses * numClasses);
    this.#support = new Uint32Array(numClasses);
    this.#predicted = new Uint32Array(numClasses);
    this.#correct = new Uint32Array(numClasses);
    this.#mistakes = new MistakeList(mistakes);
  }

  /**
   * Takes in a batch; all of it or, after an error, nothing.
   *
   * @throws InceptionError SHAPE_INVALID where the lengths do not fit, DATASET_INVALID for a label that is no class
   */
  update(batch: MeasuredBatch): void {
    const { labels, indices } = batch;
    checkBatch(batch.logits, labels, this.#options.numClasses);
    if (indices.length !== labels.length) {
      throw new InceptionError("SHAPE_INVALID", `Cannot evaluate a batch: it has ${indices.length} indices for ${labels.length} labels`, {
        indices: indices.length,
        labels: labels.length,
      });
    }
    for (const scored of scoreImages(batch, this.#options.numClasses)) this.add(scored);
  }

  /** Takes in an image that was scored before. */
  add(scored: ScoredImage): void {
    const { numClasses, nameOf } = this.#options;
    const { index, label, answer, loss, probability } = scored;
    this.#images++;
    this.#loss += loss;
    if (scored.rank < 5) this.#top5++;
    increment(this.#support, label);
    increment(this.#predicted, answer);
    if (this.#confusion !== null) increment(this.#confusion, label * numClasses + answer);
    if (answer === label) increment(this.#correct, label);
    else if (this.#mistakes.takes(loss, index))
      this.#mistakes.add({ index, name: nameOf(index), label, predicted: answer, probability, loss });
  }

  /** Result so far. */
  result(): Evaluation {
    const { numClasses } = this.#options;
    const classes = Array.from({ length: numClasses }, (_, index) =>
      classScore(this.#support[index] ?? 0, this.#predicted[index] ?? 0, this.#correct[index] ?? 0),
    );
    const confusion = this.#confusion;
    return {
      images: this.#images,
      loss: this.#loss / this.#images,
      top1: this.#correct.reduce((sum, count) => sum + count, 0) / this.#images,
      top5: this.#top5 / this.#images,
      classes,
      macro: macroMeans(classes),
      confusion: confusion && classes.map((_, truth) => Array.from(confusion.subarray(truth * numClasses, (truth + 1) * numClasses))),
      mistakes: this.#mistakes.sorted(),
    };
  }
}

/** What the rows of a batch come to; the batch must be a whole one. */
export function scoreImages({ logits, labels, indices }: MeasuredBatch, numClasses: number): readonly ScoredImage[] {
  return Array.from(labels, (label, row) => {
    const offset = row * numClasses;
    let answer = 0;
    for (let each = 1; each < numClasses; each++) {
      if (ranksBefore(logits[offset + each] ?? Number.NaN, logits[offset + answer] ?? Number.NaN)) answer = each;
    }
    const loss = crossEntropy(label, logits, offset, numClasses);
    const probability = Math.exp(-(answer === label ? loss : crossEntropy(answer, logits, offset, numClasses)));
    return { index: indices[row] ?? 0, label, answer, rank: rankOf(label, logits, offset, numClasses), loss, probability };
  });
}

function increment(counts: Uint32Array, index: number): void {
  counts[index] = (counts[index] ?? 0) + 1;
}

/** How one class came out. */
export function classScore(support: number, predicted: number, correct: number): ClassScore {
  const ratio = (part: number, whole: number): number | null => (whole === 0 ? null : part / whole);
  return {
    support,
    predicted,
    precision: ratio(correct, predicted),
    recall: ratio(correct, support),
    f1: ratio(2 * correct, support + predicted),
  };
}

/** Means over the classes that have images. */
export function macroMeans(classes: readonly ClassScore[]): Evaluation["macro"] {
  const present = classes.filter(({ support }) => support > 0);
  const mean = (key: "precision" | "recall" | "f1"): number => present.reduce((sum, score) => sum + (score[key] ?? 0), 0) / present.length;
  return { precision: mean("precision"), recall: mean("recall"), f1: mean("f1") };
}

/** The mistakes with the largest loss; NaN counts as larger than any number, and of equal ones the lower index is kept. */
class MistakeList {
  readonly #limit: number;
  /** Worst first. */
  #kept: readonly Mistake[] = [];

  constructor(limit: number) {
    this.#limit = limit;
  }

  takes(loss: number, index: number): boolean {
    const last = this.#kept[this.#limit - 1];
    return this.#limit > 0 && (last === undefined || compareMistakes({ loss, index }, last) < 0);
  }

  add(mistake: Mistake): void {
    this.#kept = [...this.#kept, mistake].toSorted(compareMistakes).slice(0, this.#limit);
  }

  sorted(): readonly Mistake[] {
    return this.#kept;
  }
}

type Ranked = Pick<Mistake, "loss" | "index">;

function compareMistakes(a: Ranked, b: Ranked): number {
  if (ranksBefore(a.loss, b.loss)) return -1;
  if (ranksBefore(b.loss, a.loss)) return 1;
  return a.index - b.index;
}
