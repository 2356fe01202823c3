/** Multinomial logistic regression with an L2 penalty: a linear classifier on features. */

/** Rows of values, one for each sample. */
export interface Rows {
  readonly count: number;
  readonly width: number;
  /** [count, width] */
  readonly data: Float32Array;
}

interface LogisticRegressionOptions {
  /**
   * Factor on the cross-entropy summed over the samples, beside ½‖W‖²: `C` of scikit-learn. Biases are not penalized. Larger fits
   * the samples more closely.
   */
  readonly c: number;
  /** The fit ends where no component of the gradient of the mean loss is larger. Default: 1e-4. */
  readonly tolerance?: number;
  readonly maxIterations?: number;
}

interface LogisticRegression {
  /** [classes, width + 1]; the last column holds the biases. */
  readonly weights: Float64Array;
  readonly classes: number;
  readonly width: number;
  readonly iterations: number;
  readonly converged: boolean;
}

/** What a fit works on; the samples that it reads are given by their rows. */
interface Problem {
  readonly rows: Rows;
  readonly labels: ArrayLike<number>;
  readonly samples: ArrayLike<number>;
  readonly classes: number;
  /** Factor on ½‖W‖² beside the mean loss. */
  readonly penalty: number;
}

/**
 * Fits by Newton's method, whose steps are found by conjugate gradients (Nocedal and Wright, "Numerical Optimization", algorithm 7.1)
 * and shortened until the loss falls. The loss is convex, so that there is one minimum and nothing random.
 *
 * @param labels - class of each row, 0 to classes - 1
 * @param samples - the rows that are fitted to
 */
export function fitLogisticRegression(
  rows: Rows,
  labels: ArrayLike<number>,
  samples: ArrayLike<number>,
  classes: number,
  { c, tolerance = 1e-4, maxIterations = 100 }: LogisticRegressionOptions,
): LogisticRegression {
  const problem: Problem = { rows, labels, samples, classes, penalty: 1 / (c * samples.length) };
  const weights = new Float64Array(classes * (rows.width + 1));
  let state = evaluate(problem, weights);
  let iterations = 0;
  const isDone = (): boolean => state.gradient.every((value) => Math.abs(value) <= tolerance);
  for (; iterations < maxIterations && !isDone(); iterations++) {
    const direction = newtonDirection(problem, state);
    const slope = dot(state.gradient, direction);
    let moved: State | null = null;
    for (let step = 1; step > 1e-10; step /= 2) {
      const tried = evaluate(
        problem,
        state.weights.map((value, i) => value + step * direction[i]!),
      );
      if (tried.loss > state.loss + 1e-4 * step * slope) continue;
      moved = tried;
      break;
    }
    // No step lowers the loss: the minimum, as exactly as the numbers can say it.
    if (moved === null) break;
    state = moved;
  }
  return { weights: state.weights, classes, width: rows.width, iterations, converged: isDone() };
}

/** Probabilities of the classes for one row. */
export function predictProbabilities(model: LogisticRegression, rows: Rows, row: number): Float64Array {
  const scores = new Float64Array(model.classes);
  addScores(model.weights, rows, row, scores);
  return softmax(scores);
}

interface State {
  readonly weights: Float64Array;
  readonly loss: number;
  readonly gradient: Float64Array;
  /** [samples, classes] */
  readonly probabilities: Float64Array;
}

function evaluate(problem: Problem, weights: Float64Array): State {
  const { rows, labels, samples, classes } = problem;
  const probabilities = new Float64Array(samples.length * classes);
  const gradient = new Float64Array(weights.length);
  let loss = 0;
  for (let i = 0; i < samples.length; i++) {
    const scores = probabilities.subarray(i * classes, (i + 1) * classes);
    addScores(weights, rows, samples[i]!, scores);
    softmax(scores);
    const label = labels[samples[i]!]!;
    loss -= Math.log(Math.max(scores[label]!, Number.MIN_VALUE)) / samples.length;
    const residuals = scores.map((p, k) => (p - (k === label ? 1 : 0)) / samples.length);
    addOuter(residuals, rows, samples[i]!, gradient);
  }
  return { weights, loss: loss + addPenalty(problem, weights, gradient), gradient, probabilities };
}

/** Adds the gradient of the penalty for `weights` to `gradient`, and returns the penalty. */
function addPenalty({ rows, classes, penalty }: Problem, weights: Float64Array, gradient: Float64Array): number {
  let squares = 0;
  for (let k = 0; k < classes; k++) {
    for (let at = k * (rows.width + 1); at < (k + 1) * (rows.width + 1) - 1; at++) {
      squares += weights[at]! ** 2;
      gradient[at]! += penalty * weights[at]!;
    }
  }
  return (penalty / 2) * squares;
}

/** The Hessian times a vector. */
function hessianProduct(problem: Problem, { probabilities }: State, vector: Float64Array): Float64Array {
  const { rows, samples, classes } = problem;
  const product = new Float64Array(vector.length);
  const scores = new Float64Array(classes);
  for (let i = 0; i < samples.length; i++) {
    scores.fill(0);
    addScores(vector, rows, samples[i]!, scores);
    const p = probabilities.subarray(i * classes, (i + 1) * classes);
    const mean = dot(p, scores);
    for (let k = 0; k < classes; k++) scores[k] = (p[k]! * (scores[k]! - mean)) / samples.length;
    addOuter(scores, rows, samples[i]!, product);
  }
  addPenalty(problem, vector, product);
  return product;
}

/** Most products of the Hessian for one step. */
const MAX_PRODUCTS = 100;

/** Solves H d = −g by conjugate gradients, the more exactly the smaller the gradient is. */
function newtonDirection(problem: Problem, state: State): Float64Array {
  const { gradient } = state;
  const norm = Math.sqrt(dot(gradient, gradient));
  const goal = Math.min(0.5, Math.sqrt(norm)) * norm;
  const direction = new Float64Array(gradient.length);
  const rest = gradient.slice();
  const search = gradient.map((value) => -value);
  let squares = dot(rest, rest);
  for (let i = 0; i < MAX_PRODUCTS && Math.sqrt(squares) > goal; i++) {
    const product = hessianProduct(problem, state, search);
    const curvature = dot(search, product);
    if (!(curvature > 0)) break;
    const step = squares / curvature;
    for (let at = 0; at < direction.length; at++) {
      direction[at]! += step * search[at]!;
      rest[at]! += step * product[at]!;
    }
    const next = dot(rest, rest);
    for (let at = 0; at < search.length; at++) search[at] = (next / squares) * search[at]! - rest[at]!;
    squares = next;
  }
  return direction;
}

/** Adds W x + b of a row to `scores`. */
function addScores(weights: Float64Array, { width, data }: Rows, row: number, scores: Float64Array): void {
  const start = row * width;
  for (let k = 0; k < scores.length; k++) {
    const own = k * (width + 1);
    let sum = weights[own + width]!;
    for (let j = 0; j < width; j++) sum += weights[own + j]! * data[start + j]!;
    scores[k]! += sum;
  }
}

/** Adds the product of a factor for each class and a row, and of 1 for the biases. */
function addOuter(factors: Float64Array, { width, data }: Rows, row: number, sums: Float64Array): void {
  const start = row * width;
  for (let k = 0; k < factors.length; k++) {
    const factor = factors[k]!;
    const own = k * (width + 1);
    for (let j = 0; j < width; j++) sums[own + j]! += factor * data[start + j]!;
    sums[own + width]! += factor;
  }
}

function softmax(scores: Float64Array): Float64Array {
  const largest = scores.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);
  let sum = 0;
  for (let k = 0; k < scores.length; k++) {
    scores[k] = Math.exp(scores[k]! - largest);
    sum += scores[k]!;
  }
  for (let k = 0; k < scores.length; k++) scores[k]! /= sum;
  return scores;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}
