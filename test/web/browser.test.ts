import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type BrowserPage, chromiumPath, chromiumTitle, openBrowserPage } from "./browser.js";

const PAGE = "/test/web/page.js";

// All cases run on WebAssembly in Node (wasm.test.ts). Here are those in which a page, or a GPU, may differ; all of them
// take minutes.
const SESSION_CASES = ["computes every output, batch 1 and batch 3 of one session", "reports an error inside a run, and runs on after it"];
const TRAINER_CASES = [
  "trains a line by momentum as double precision does",
  "runs several programs over one state",
  "replaces pieces of state, whose tensors it neither changes nor keeps",
  "carries state of other types, scalars and empty tensors",
  "leaves the state unchanged by a run that fails, and runs on after it",
];

describe.skipIf(chromiumPath === null)(chromiumTitle("in headless Chromium"), () => {
  let page: BrowserPage;
  beforeAll(async () => {
    page = await openBrowserPage();
  });
  afterAll(() => page?.close());

  test("the page is isolated and has WebGPU", async () => {
    expect(await page.call(PAGE, "describePage")).toEqual({ isolated: true, webgpu: true });
  });

  describe.each(["cpu", "webgpu"])("on %s", (device) => {
    test.each(SESSION_CASES)("a session %s", async (name) => {
      await page.call(PAGE, "runSessionCase", name, device);
    });
    test.each(TRAINER_CASES)("a trainer %s", async (name) => {
      await page.call(PAGE, "runTrainerCase", name, device);
    });
  });

  test("a software adapter is not what `auto` takes", async () => {
    expect(await page.call(PAGE, "autoDevice")).toBe("cpu");
  });

  test("a script of the runtime that is not there is named", async () => {
    expect(await page.call(PAGE, "messageWithoutRuntime")).toMatch(/^Cannot open "model" on cpu: .*\/none\.mjs/);
  });

  test("nothing was written to the console", () => {
    expect(page.complaints.filter((text) => !text.includes("none.mjs") && !text.includes("404"))).toEqual([]);
  });
});
