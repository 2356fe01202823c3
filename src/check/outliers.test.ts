import { expect, test } from "vitest";
import { findOutliers } from "./outliers.js";

test("modified z-scores by SciPy's MAD", () => {
  // from scipy.stats import median_abs_deviation as mad; x = np.array([...]); (x - np.median(x)) / (mad(x) / 0.6745)
  const { median, outliers } = findOutliers([5, 6, 7, 5, 6, 8, 7, 6, 5, 6, 7, 40, -30, Number.NaN]);
  expect(median).toBe(6);
  expect(outliers.map(({ index, score }) => [index, score.toFixed(3)])).toEqual([
    [12, "-24.282"],
    [11, "22.933"],
  ]);
});

test("where most values are equal, by the mean absolute deviation", () => {
  // y = np.array([4]*11 + [5, 4]); (y - np.median(y)) / (1.2533 * np.abs(y - np.median(y)).mean())
  const { outliers } = findOutliers([4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 5, 4]);
  expect(outliers.map(({ index, score }) => [index, score.toFixed(4)])).toEqual([[11, "10.3726"]]);
  expect(findOutliers(Array.from({ length: 20 }, () => 4)).outliers).toEqual([]);
  expect(findOutliers([1, 1, 1, 90]).outliers).toEqual([]);
  expect(findOutliers([]).outliers).toEqual([]);
});
