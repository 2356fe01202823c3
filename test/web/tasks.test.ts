/** The task layer computes the same in Node and in a page: one set of cases, both platforms, numbers compared. */
import { readFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, expectTypeOf, test } from "vitest";
import type * as Browser from "../../src/browser.js";
import * as node from "../../src/index.js";
import { decodeImage } from "../../src/node/decode-image.js";
import { ROOT } from "../program.js";
import { type BrowserPage, chromiumPath, chromiumTitle, openBrowserPage } from "./browser.js";
import { runTasks, type TaskNumbers } from "./tasks.js";

const PAGE = "/test/web/tasks-page.js";

test("both platforms export the same types", () => {
  expectTypeOf<keyof typeof Browser>().toEqualTypeOf<keyof typeof node>();
  expectTypeOf<typeof Browser.openClassifier>().toEqualTypeOf<typeof node.openClassifier>();
  expectTypeOf<typeof Browser.openEmbedder>().toEqualTypeOf<typeof node.openEmbedder>();
  expectTypeOf<typeof Browser.openSegmenter>().toEqualTypeOf<typeof node.openSegmenter>();
  expectTypeOf<typeof Browser.train>().toEqualTypeOf<typeof node.train>();
  expectTypeOf<typeof Browser.fineTune>().toEqualTypeOf<typeof node.fineTune>();
  expectTypeOf<typeof Browser.imageFolder>().toEqualTypeOf<typeof node.imageFolder>();
  expectTypeOf<typeof Browser.toOnnx>().toEqualTypeOf<typeof node.toOnnx>();
  expect(Object.keys(node).length).toBeLessThanOrEqual(20);
});

describe.skipIf(chromiumPath === null)(chromiumTitle("in headless Chromium"), () => {
  let page: BrowserPage;
  let here: TaskNumbers;
  let there: TaskNumbers;
  beforeAll(async () => {
    page = await openBrowserPage();
    const at = (file: string) => path.join(ROOT, file);
    here = await runTasks(node, at, (file) => readFile(at(file)));
    // The page's result is what `run` returns, as JSON.
    there = (await page.call(PAGE, "run")) as TaskNumbers;
  }, 300_000);
  afterAll(() => page?.close());

  test("the same names are exported", async () => {
    expect(await page.call(PAGE, "exportedNames")).toEqual(Object.keys(node).sort());
  });

  test("probabilities agree to 1e-5", () => {
    expect(there.names).toEqual(here.names);
    expect(there.probabilities.map((all) => all.map(([index]) => index))).toEqual(
      here.probabilities.map((all) => all.map(([index]) => index)),
    );
    expect(largestDifference(flat(there.probabilities), flat(here.probabilities))).toBeLessThan(1e-5);
  });

  test("embeddings agree to 1e-5, maps to 1e-4", () => {
    expect(largestDifference(there.embeddings.flat(), here.embeddings.flat())).toBeLessThan(1e-5);
    const scale = Math.max(...here.maps.flat());
    expect(largestDifference(there.maps.flat(), here.maps.flat())).toBeLessThan(1e-4 * scale);
  });

  test("overlays agree to two levels of 255", async () => {
    const [a, b] = await Promise.all([here, there].map(({ overlay }) => decodeImage(Uint8Array.from(overlay))));
    expect([b?.width, b?.height]).toEqual([a?.width, a?.height]);
    expect(largestDifference(Array.from(b?.data ?? []), Array.from(a?.data ?? []))).toBeLessThanOrEqual(2);
  });

  test("label maps are equal", () => {
    expect(there.voxels).toEqual(here.voxels);
    expect(there.labels).toEqual(here.labels);
    expect(new Set(here.labels)).toEqual(new Set([0, 1, 2]));
  });

  test("a model of a URL is kept where it is wanted", async () => {
    const [model, image] = ["/examples/digits/digits.onnx", "/examples/digits/images/7-a.png"];
    expect(await page.call(PAGE, "classifyCached", model, image)).toEqual({ names: ["seven", "seven"], kept: 2 });
  });

  test("a signal ends the opening in every phase, and its workers", async () => {
    expect(await page.call(PAGE, "abortOpening", "/silent.onnx", 100)).toBe("stopped");
    for (const milliseconds of [0, 30, 100, 200]) {
      const outcome = await page.call(PAGE, "abortOpening", "/examples/digits/digits.onnx", milliseconds);
      expect(["stopped", "opened"]).toContain(outcome);
      if (milliseconds === 0) expect(outcome).toBe("stopped");
      await expect.poll(() => page.workers(), { timeout: 10_000 }).toBe(0);
    }
  }, 60_000);

  test("five training steps with augmentation agree to 1e-4, in losses and in parameters", () => {
    expect(here.training.losses).toHaveLength(5);
    expect(largestDifference(there.training.losses, here.training.losses)).toBeLessThan(1e-4);
    expect(here.training.parameters.length).toBeGreaterThan(10_000);
    expect(largestDifference(there.training.parameters, here.training.parameters)).toBeLessThan(1e-4);
  });

  test("fine-tuning agrees to 1e-4, and its exported file gives the same probabilities", () => {
    expect(here.training.classNames).toEqual(Array.from({ length: 10 }, (_, index) => `digit ${index}`));
    expect(there.training.classNames).toEqual(here.training.classNames);
    expect(largestDifference(there.training.headLosses.map(Number), here.training.headLosses.map(Number))).toBeLessThan(1e-4);
    for (const { probabilities } of [here.training, there.training]) {
      const [trained = [], reopened = []] = probabilities;
      expect(largestDifference(trained, reopened)).toBeLessThan(1e-6);
    }
  });

  test("what cannot be used has the same code", () => {
    expect(here.failures).toEqual(["FILE_NOT_FOUND", "FILE_UNRECOGNIZED"]);
    expect(there.failures).toEqual(here.failures);
  });
});

function flat(all: TaskNumbers["probabilities"]): readonly number[] {
  return all.flatMap((each) => each.map(([, probability]) => probability));
}

function largestDifference(a: readonly number[], b: readonly number[]): number {
  expect(a.length).toBe(b.length);
  return a.reduce((largest, value, index) => Math.max(largest, Math.abs(value - (b[index] ?? Number.NaN))), 0);
}
