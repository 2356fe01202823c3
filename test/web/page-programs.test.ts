/** The programs that the README and examples/ show for a page: built by Vite from the packed package, run in headless Chromium. */
import { readFileSync, rmSync } from "node:fs";
import path from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openClassifier } from "../../src/index.js";
import { ROOT } from "../shared.js";
import { chromiumPath, chromiumTitle, launchChromium } from "./browser.js";
import { buildPage, installForPages, usePage, writePage } from "./built-page.js";

// Outside the project, whose node_modules a bundler would find.
const FOLDER = path.join("/tmp", `inceptionkit-page-programs-${process.pid}`);
const MODEL = path.join(ROOT, "examples/digits/digits.onnx");
const PHOTO = path.join(ROOT, "examples/digits/images/7-a.png");

/** What the program of the README leaves to its page. */
const SHOW = `globalThis.show = (predictions, { class: { className } }) => {
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
});
