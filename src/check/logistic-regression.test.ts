import { expect, test } from "vitest";
import { fitLogisticRegression, predictProbabilities, type Rows } from "./logistic-regression.js";

/**
 * scikit-learn 1.2.1:
 *   x = np.array([[np.sin(1.7*i + 0.9*j*j + j) for j in range(3)] for i in range(24)], dtype=np.float32)
 *   y = np.array([(i*i + i//5) % 3 for i in range(24)])
 *   m = LogisticRegression(C=C, tol=1e-12, max_iter=10000, multi_class="multinomial",
 *     solver="newton-cg").fit(x.astype(np.float64), y)
 */
const rows: Rows = {
  count: 24,
  width: 3,
  data: Float32Array.from({ length: 72 }, (_, at) => {
    const [i, j] = [Math.floor(at / 3), at % 3];
    return Math.sin(1.7 * i + 0.9 * j * j + j);
  }),
};
const labels = Array.from({ length: 24 }, (_, i) => (i * i + Math.floor(i / 5)) % 3);
const all = labels.map((_, i) => i);

test.each([
  {
    c: 0.1,
    // np.concatenate([m.coef_, m.intercept_[:, None]], 1)
    weights: [-0.205918, 0.190242, -0.242203, -0.029939, 0.001774, -0.202904, 0.136348, 0.145018, 0.204143, 0.012661, 0.105854, -0.115079],
    // m.predict_proba(x)[:2]
    probabilities: [
      [0.440571, 0.284869, 0.27456],
      [0.184872, 0.444296, 0.370832],
    ],
  },
  {
    c: 10,
    weights: [-0.637638, 0.40558, -0.627573, -0.177707, -0.208371, -0.678421, 0.3359, 0.281145, 0.846008, 0.27284, 0.291673, -0.103438],
    probabilities: [
      [0.543331, 0.167767, 0.288902],
      [0.048196, 0.427895, 0.52391],
    ],
  },
])("weights and probabilities are scikit-learn's, C = $c", ({ c, weights, probabilities }) => {
  const model = fitLogisticRegression(rows, labels, all, 3, { c, tolerance: 1e-9 });
  expect(model.converged).toBe(true);
  for (const [at, expected] of weights.entries()) expect(model.weights[at]).toBeCloseTo(expected, 5);
  for (const [row, expected] of probabilities.entries()) {
    const found = predictProbabilities(model, rows, row);
    for (const [k, p] of expected.entries()) expect(found[k]).toBeCloseTo(p, 5);
  }
});

test("a fit reads only its samples, and says when it ends early", () => {
  const some = all.filter((i) => i % 2 === 0);
  const changed: Rows = { ...rows, data: rows.data.map((value, at) => (Math.floor(at / 3) % 2 === 0 ? value : 99)) };
  const fitted = (from: Rows) => fitLogisticRegression(from, labels, some, 3, { c: 1, tolerance: 1e-8 });
  expect(fitted(changed).weights).toEqual(fitted(rows).weights);
  expect(fitLogisticRegression(rows, labels, all, 3, { c: 10, tolerance: 1e-9, maxIterations: 1 })).toMatchObject({
    iterations: 1,
    converged: false,
  });
});
