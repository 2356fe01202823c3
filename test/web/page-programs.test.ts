/** The programs that the README and examples/ have for a page: built by Vite from the packed package, run in headless Chromium. */
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { encodeNifti } from "../../src/data/index.js";
import { fineTune, imageFolder, openClassifier, openSegmenter, toOnnx } from "../../src/index.js";
import { decodeImage } from "../../src/node/decode-image.js";
import { ROOT } from "../shared.js";
import { chromiumPath, chromiumTitle, launchChromium } from "./browser.js";
import { buildPage, installForPages, usePage, writePage } from "./built-page.js";

// Outside the project, whose node_modules a bundler would find.
const FOLDER = path.join("/tmp", `inceptionkit-page-programs-${process.pid}`);
const MODEL = path.join(ROOT, "examples/digits/digits.onnx");
const PHOTO = path.join(ROOT, "examples/digits/images/7-a.png");

const SCAN = path.join(ROOT, "examples/segment/hippocampus_001.nii.gz");

/** What the program of the README leaves to its page. */
const SHOW = `globalThis.show = (predictions, { targetClass: { className } }) => {
  document.querySelector("output").textContent = JSON.stringify([predictions, className]);
};`;
const PAGE = `<!doctype html><meta charset="utf-8"><title>README</title><link rel="icon" href="data:,">
<input type="file" id="input"><output></output><script src="/show.js"></script><script type="module" src="./main.js"></script>`;

describe.skipIf(chromiumPath === null)(chromiumTitle("a page built by Vite from the packed package"), () => {
  let browser: Browser;
  beforeAll(async () => {
    await installForPages(FOLDER);
    browser = await launchChromium();
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    rmSync(FOLDER, { recursive: true, force: true });
  });

  test("runs the program of the README as it is printed", async () => {
    const [, program = ""] = /```js page\n([\s\S]*?)```/.exec(readFileSync(path.join(ROOT, "README.md"), "utf8")) ?? [];
    expect(program).toContain('await openClassifier("/model.onnx")');
    const page = path.join(FOLDER, "readme");
    writePage(page, { "index.html": PAGE, "main.js": program, "public/show.js": SHOW, "public/model.onnx": { copyOf: MODEL } });
    const out = await buildPage(page, path.join(FOLDER, "out-readme"));
    const shown = await usePage(browser, out, async (tab) => {
      // The program listens once its model is open.
      await expect.poll(() => tab.evaluate("input.onchange !== null"), { timeout: 60_000 }).toBe(true);
      await tab.setInputFiles("#input", PHOTO);
      return tab.locator("output:not(:empty)").textContent({ timeout: 60_000 });
    });
    await using classifier = await openClassifier(MODEL, { device: "cpu" });
    const predictions = await classifier.classify(PHOTO, { top: 5 });
    const expected = predictions.map((each) => ({ ...each, probability: expect.closeTo(each.probability, 5) as number }));
    expect(JSON.parse(shown ?? "null")).toEqual([expected, "seven"]);
  }, 120_000);

  test("examples/classify-page classifies and shows Grad-CAM", async () => {
    const out = await buildExample("classify-page", readFileSync(MODEL));
    const shown = await usePage(browser, out, async (tab) => {
      await tab.setInputFiles("#photo", PHOTO);
      await expect.poll(() => tab.locator("#status").textContent(), { timeout: 60_000 }).toBe("Grad-CAM of seven");
      await shoot(tab, "classify-page");
      return { items: await tab.locator("#predictions li").allTextContents(), overlay: await sizeOf(tab, "#overlay") };
    });
    await using classifier = await openClassifier(MODEL, { device: "cpu" });
    const predictions = await classifier.classify(PHOTO, { top: 5 });
    expect(shown.items).toEqual(predictions.map((each) => `${each.className}: ${(100 * each.probability).toFixed(1)}%`));
    const { width, height } = await decodeImage(await (await classifier.explain(PHOTO)).overlayPng());
    expect(shown.overlay).toEqual({ width, height });
  }, 120_000);

  test("examples/train-page trains from a directory that a person chose, and saves the model", async () => {
    const photos = path.join(FOLDER, "photos");
    for (const [label, digit] of [
      ["three", 3],
      ["seven", 7],
    ] as const) {
      mkdirSync(path.join(photos, label), { recursive: true });
      for (const name of ["1a", "1b", "2a", "2b"]) {
        cpSync(path.join(ROOT, `examples/digits/images/${digit}-${name[1]}.png`), path.join(photos, label, `${name}.png`));
      }
    }
    const out = await buildExample("train-page", readFileSync(MODEL));
    const saved = path.join(FOLDER, "trained.onnx");
    const losses = await usePage(browser, out, async (tab) => {
      await tab.setInputFiles("#folder", photos);
      await expect.poll(() => tab.locator("#status").textContent(), { timeout: 60_000 }).toBe("The model distinguishes seven, three");
      await shoot(tab, "train-page");
      const [download] = await Promise.all([tab.waitForEvent("download"), tab.locator("#save").click()]);
      await download.saveAs(saved);
      return tab.locator("#losses li").allTextContents();
    });
    // The same training in Node: batches, augmentation and steps agree.
    const expected: string[] = [];
    const { model } = await fineTune(MODEL, imageFolder(photos), {
      recipe: "head",
      epochs: 5,
      batchSize: 4,
      valFraction: 0.25,
      device: "cpu",
      onEvent: (event) => event.kind === "step" && expected.push(`loss ${event.loss.toFixed(3)}`),
    });
    await model.close();
    expect(losses).toHaveLength(5);
    expect(losses).toEqual(expected);
    await using classifier = await openClassifier(saved, { device: "cpu" });
    const [best] = await classifier.classify(PHOTO);
    expect(best?.className).toBe("seven");
  }, 120_000);

  test("examples/segment-page segments, shows and saves a volume as Node does", async () => {
    const model = await toOnnx("hippocampus");
    const out = await buildExample("segment-page", model);
    const saved = path.join(FOLDER, "labels.nii");
    const overlay = await usePage(browser, out, async (tab) => {
      await tab.setInputFiles("#scan", SCAN);
      await expect
        .poll(() => tab.locator("#status").textContent(), { timeout: 120_000 })
        .toMatch(/^anterior: \d+ mm³, posterior: \d+ mm³$/i);
      await shoot(tab, "segment-page");
      const [download] = await Promise.all([tab.waitForEvent("download"), tab.locator("#save").click()]);
      await download.saveAs(saved);
      return sizeOf(tab, "#overlay");
    });
    await using segmenter = await openSegmenter(model, { device: "cpu" });
    const expected = await segmenter.segment(SCAN);
    expect(readFileSync(saved).equals(Buffer.concat(encodeNifti(expected.labels, expected.header)))).toBe(true);
    const { width, height } = await decodeImage(await expected.overlayPng());
    expect(overlay).toEqual({ width, height });
  }, 240_000);
});

/** Builds a page of examples/ with a model beside it. */
async function buildExample(name: string, model: Uint8Array): Promise<string> {
  const page = path.join(FOLDER, name);
  cpSync(path.join(ROOT, "examples", name), page, { recursive: true });
  mkdirSync(path.join(page, "public"));
  writeFileSync(path.join(page, "public/model.onnx"), model);
  return buildPage(page, path.join(FOLDER, `out-${name}`));
}

/** The size of a picture that is shown. */
async function sizeOf(tab: Page, selector: string): Promise<{ readonly width: number; readonly height: number }> {
  const size = await tab.evaluate(
    `(({ naturalWidth, naturalHeight }) => [naturalWidth, naturalHeight])(document.querySelector("${selector}"))`,
  );
  const [width = 0, height = 0] = size as readonly number[];
  return { width, height };
}

/** To look at the pages: SCREENSHOTS=directory npx vitest run test/web/page-programs.test.ts */
async function shoot(tab: Page, name: string): Promise<void> {
  const folder = process.env.SCREENSHOTS;
  if (folder === undefined) return;
  for (const colorScheme of ["light", "dark"] as const) {
    await tab.emulateMedia({ colorScheme });
    await tab.screenshot({ path: path.join(folder, `${name}.${colorScheme}.png`) });
  }
}
