import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createTestTrainer } from "../in-process-trainer.js";
import { type BrowserPage, chromiumPath, chromiumTitle, openBrowserPage } from "./browser.js";
import { networkLosses, STEPS, type StepDifference } from "./network.js";

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

  test.each([
    ["webgpu", "webgpu"],
    ["standard", "cpu"],
  ] as const)("under the target %s a network trains on %s as in Node", async (target, device) => {
    const expected = await networkLosses("standard", "fixed", createTestTrainer);
    const losses = await page.call(PAGE, "trainNetwork", target, "fixed", device);
    // Four digits behind the point: nearer than 5e-5.
    expect(losses).toEqual(expected.map((loss) => expect.closeTo(loss, 4) as number));
    expect(expected.at(-1)).toBeLessThan((expected[0] ?? 0) - 0.2);
  });

  test("with the statistics of the batch a step on webgpu is that on WebAssembly", async () => {
    const differences = (await page.call(PAGE, "compareSteps", "webgpu", "webgpu")) as readonly StepDifference[];
    expect(differences).toHaveLength(STEPS);
    for (const { loss, movement } of differences) {
      expect(loss).toBeLessThan(1e-4);
      // A ReLU that rounding flips changes its part of the movement.
      expect(movement).toBeLessThan(0.03);
    }
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
