import { expect, test } from "vitest";
import { crossValidatedProbabilities, findLabelIssues } from "./label-issues.js";

test("issues are those of the definition, most suspect first", () => {
  // p = np.array([[1 + ((i*7 + k*13 + i*i*k) % 17) for k in range(4)] for i in range(60)], float)
  // lab = np.array([(i*5 + i//7) % 4 for i in range(60)])
  // for i in range(60): p[i, (lab[i] + (1 if i % 6 == 0 else 0)) % 4] += 20 + i % 9
  // p /= p.sum(1, keepdims=True); t = [p[lab == k, k].mean() for k in range(4)]
  // for each i: ok = [k for k in range(4) if p[i, k] >= t[k]]; j = max(ok, key=p[i]); an issue if j != lab[i]; sorted by p[i, lab[i]]
  const expected = [
    [0, 1, 0.019608],
    [42, 1, 0.085714],
    [6, 3, 0.1],
    [48, 3, 0.12069],
    [18, 1, 0.156863],
    [54, 2, 0.188679],
    [24, 0, 0.211268],
    [30, 3, 0.254545],
  ];
  const labels = Array.from({ length: 60 }, (_, i) => (i * 5 + Math.floor(i / 7)) % 4);
  const data = new Float64Array(240);
  for (const [i, label] of labels.entries()) {
    const row = [0, 1, 2, 3].map((k) => 1 + ((i * 7 + k * 13 + i * i * k) % 17));
    row[(label + (i % 6 === 0 ? 1 : 0)) % 4]! += 20 + (i % 9);
    const sum = row.reduce((a, b) => a + b, 0);
    for (const [k, value] of row.entries()) data[4 * i + k] = value / sum;
  }
  const issues = findLabelIssues({ count: 60, classes: 4, data }, labels);
  expect(issues.map(({ index, suggested, selfConfidence }) => [index, suggested, Number(selfConfidence.toFixed(6))])).toEqual(expected);
});

/** Two classes at a distance on the first axis; the labels of samples 3 and 10 are wrong. */
function twoClouds() {
  const count = 60;
  const truth = Array.from({ length: count }, (_, i) => i % 2);
  const data = Float32Array.from({ length: 2 * count }, (_, at) => {
    const i = Math.floor(at / 2);
    return at % 2 === 0 ? 4 * truth[i]! + Math.sin(i) : Math.cos(3 * i);
  });
  const labels = truth.map((label, i) => (i === 3 || i === 10 ? 1 - label : label));
  return { rows: { count, width: 2, data }, labels };
}

test("wrong labels are found by classifiers that were not fitted to them", async () => {
  const { rows, labels } = twoClouds();
  const folds: number[] = [];
  const options = { folds: 5, seed: 1, onFold: (done: number) => void folds.push(done) };
  const issues = findLabelIssues(await crossValidatedProbabilities(rows, labels, 2, options), labels);
  expect(issues.map(({ index }) => index).sort()).toEqual([10, 3]);
  expect(folds).toEqual([1, 2, 3, 4, 5]);
});

test("copies are in one fold: a wrong label cannot confirm itself", async () => {
  // Each sample is there twice, and features tell single samples apart: with its copy in another fold any label is learned.
  const count = 40;
  const labels = Array.from({ length: count }, (_, i) => (i >> 1) % 2);
  const data = new Float32Array(count * 20);
  for (let i = 0; i < count; i++) data[i * 20 + (i >> 1)] = 1;
  const groups = labels.map((_, i) => i >> 1);
  const confidence = async (given: { readonly groups?: readonly number[] }) => {
    const found = await crossValidatedProbabilities({ count, width: 20, data }, labels, 2, { folds: 5, seed: 0, ...given });
    return labels.reduce((sum, label, i) => sum + found.data[2 * i + label]!, 0) / count;
  };
  expect(await confidence({})).toBeGreaterThan(0.53);
  expect(await confidence({ groups })).toBeLessThan(0.51);
});
