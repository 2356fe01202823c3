/** Evaluating, quantizing and distances of image sets give the same in Node and in a page: one set of cases, both platforms, numbers compared. */
import path from "node:path";
import { afterAll, beforeAll, describe, expect, expectTypeOf, test } from "vitest";
import type * as Browser from "../../src/browser.js";
import * as node from "../../src/index.js";
import { ROOT } from "../program.js";
import { type BrowserPage, chromiumPath, chromiumTitle, openBrowserPage } from "./browser.js";
import { type MeasureNumbers, runMeasures } from "./measures.js";

const PAGE = "/test/web/measures-page.js";

let here: MeasureNumbers;
beforeAll(async () => {
  here = await runMeasures(node, (file) => path.join(ROOT, file));
}, 120_000);

test("both platforms export the same types", () => {
  expectTypeOf<typeof Browser.evaluate>().toEqualTypeOf<typeof node.evaluate>();
  expectTypeOf<typeof Browser.quantize>().toEqualTypeOf<typeof node.quantize>();
  expectTypeOf<typeof Browser.frechetDistance>().toEqualTypeOf<typeof node.frechetDistance>();
});

describe("in Node", () => {
  test("the bundled digits are recognized, each image counted once", () => {
    const [plain, cropped] = here.evaluated;
    expect(plain?.evaluation).toMatchObject({ images: 10, top1: 1, top5: 1 });
    expect(plain?.evaluation.confusion).toEqual(Array.from({ length: 10 }, (_, row) => Array.from({ length: 10 }, (_, k) => +(row === k))));
    expect(plain).toMatchObject({ data: "labeled images", skipped: [], real: null });
    expect(plain?.classes.slice(0, 2)).toEqual(["zero", "one"]);
    expect(cropped?.evaluation.images).toBe(10);
    expect(cropped?.evaluation.loss).not.toBe(plain?.evaluation.loss);
  });

  test("an int8 model is measured on the fifth that was held out, in phases that are reported", () => {
    const { report, phases, bytes } = here.quantized;
    expect(report).toMatchObject({
      measure: "top1",
      samples: "images",
      calibrated: 8,
      evaluated: 2,
      labeled: 2,
      batch: 8,
      kept: ["conv1.conv"],
    });
    expect(report.int8Bytes).toBeLessThan(0.4 * report.floatBytes);
    expect(bytes).toBeGreaterThan(report.int8Bytes);
    expect(phases).toEqual([...Array.from({ length: 8 }, (_, done) => `calibrate ${done + 1}/8`), "evaluate 2/2", "time 1/1"]);
  });

  test("distances of images and of files of statistics", () => {
    // Means that are 1 apart in each of two features, equal covariances.
    expect(here.ofStatistics).toBeCloseTo(2, 10);
    expect(here.distances).toHaveLength(8);
    expect(here.distances.every((value) => Number.isFinite(value))).toBe(true);
    expect(here.warnings.map((warning) => warning.slice(0, 12))).toEqual(['"a": 5 image', '"b": 5 image']);
  });

  test("what cannot be measured is one line", () => {
    expect(here.failures).toEqual([
      "DATASET_INVALID: Cannot calibrate on 3 images: none is left to compare on, expected at least 5, of which one is held out, or `evaluate` with others",
      "OPTION_INVALID: Cannot quantize with images 0: expected an integer from 1 to 100,000",
      'DATASET_INVALID: Cannot compare on image 0: its label is "ten", expected the name of a class of the model or its index',
      'OPTION_INVALID: Cannot evaluate "a": it has 1 image, expected at least 2 images or a .npz statistics file',
      'OPTION_INVALID: Cannot compute features of "a": no weights given; pass `weights`: pretrained, or the file pt_inception-2015-12-05-6726825d.pth of pytorch-fid',
      'DATASET_INVALID: Cannot open the dataset "labeled images": unknown class "eleven" ("examples/digits/images/1-a.png"); expected one of the 10 class names given or an index below 10',
    ]);
  });

  test("a signal ends every phase with its reason", () => {
    expect(here.aborted).toEqual([
      ...["calibrate", "evaluate", "time", "images of a", "images of b", "distances", "scoring"].map((phase) => `ended in ${phase}`),
      "ended before it began",
      "ended before it began",
      "ended before it began",
    ]);
  });
});

describe.skipIf(chromiumPath === null)(chromiumTitle("in headless Chromium"), () => {
  let page: BrowserPage;
  let there: MeasureNumbers;
  beforeAll(async () => {
    page = await openBrowserPage();
    // The page's result is what `run` returns, as JSON.
    there = (await page.call(PAGE, "run")) as MeasureNumbers;
  }, 300_000);
  afterAll(() => page?.close());

  test("evaluations agree to 1e-5", () => {
    expect(there.evaluated).toHaveLength(here.evaluated.length);
    for (const [index, { evaluation, classes }] of there.evaluated.entries()) {
      const expected = here.evaluated[index];
      expect(classes).toEqual(expected?.classes);
      expect(evaluation.confusion).toEqual(expected?.evaluation.confusion);
      const { loss = Number.NaN, top1 = Number.NaN, top5 = Number.NaN } = expected?.evaluation ?? {};
      expect(largestDifference([evaluation.loss, evaluation.top1, evaluation.top5], [loss, top1, top5])).toBeLessThan(1e-5);
    }
  });

  test("the int8 model has the same layers and the same measurements", () => {
    const { probabilities, report, phases } = there.quantized;
    const { probabilities: expected, ...others } = here.quantized;
    expect(report).toEqual(others.report);
    expect(phases).toEqual(others.phases);
    // Ranges agree to 7 digits, but an activation beside the middle of two integers may become either of them.
    expect(largestDifference(probabilities, expected)).toBeLessThan(1e-3);
  });

  test("distances agree to 1e-5", () => {
    expect(largestDifference(there.distances, here.distances)).toBeLessThan(1e-5);
    expect(there.ofStatistics).toBeCloseTo(here.ofStatistics, 10);
    expect(there.warnings).toEqual(here.warnings);
  });

  test("failures and aborts are the same; a page has no directories", async () => {
    expect(there.failures).toEqual(here.failures);
    expect(there.aborted).toEqual(here.aborted);
    expect(await page.call(PAGE, "directory")).toBe(
      'Cannot read a set of images from "photos": expected images in a list, or a .npz file of statistics',
    );
  });
});

function largestDifference(a: readonly number[], b: readonly number[]): number {
  expect(a.length).toBe(b.length);
  return a.reduce((largest, value, index) => Math.max(largest, Math.abs(value - (b[index] ?? Number.NaN))), 0);
}
