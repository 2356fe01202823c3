/** The guide "Your own network": its module is written to a file, and its commands run in order, as they are printed. */
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test } from "vitest";
import { findCommandLines } from "./command-lines.js";
import { findExamples } from "./examples.js";
import { inceptionIn, ROOT } from "./program.js";

const GUIDE = "docs/your-own-network.md";
// Inside the project, where the module finds the package by its name.
const folder = path.join(ROOT, "tmp", `your-own-network-${process.pid}`);

beforeAll(async () => {
  mkdirSync(folder, { recursive: true });
  const [module] = /^```js\n([\s\S]*?)^```/m.exec(readFileSync(path.join(ROOT, GUIDE), "utf8"))?.slice(1) ?? [];
  writeFileSync(path.join(folder, "my-network.js"), module ?? "");
  const images = path.join(ROOT, "examples/digits/images");
  symlinkSync(images, path.join(folder, "photos"));
  await sharp(path.join(images, "7-a.png")).jpeg().toFile(path.join(folder, "photo.jpg"));
});
afterAll(() => rmSync(folder, { recursive: true }));

test("the module takes about 40 lines", () => {
  const lines = readFileSync(path.join(folder, "my-network.js"), "utf8").trimEnd().split("\n");
  expect(lines.filter((line) => line.trim() !== "").length).toBeLessThanOrEqual(40);
  expect(
    findExamples()
      .filter(({ place }) => place.startsWith(GUIDE))
      .map(({ use }) => use),
  ).toEqual(["run"]);
});

test("its commands run in order", { timeout: 120_000 }, async () => {
  const commands = findCommandLines().filter(({ place, args }) => place === GUIDE && args.length > 1);
  expect(commands.length).toBeGreaterThanOrEqual(14);
  for (const { line, args } of commands) {
    const { code, out, err } = await inceptionIn(folder, ...args);
    const differs = args[0] === "diff" && !line.includes("mine.onnx");
    if (code !== (differs ? 1 : 0)) throw new Error(`${line} ended with ${code}:\n${out.slice(-500)}${err}`);
    if (line.includes("mine.onnx") && args[0] === "diff") expect(out).toMatch(/identical\n$/);
  }
  expect(readFileSync(path.join(folder, "runs/mine/report.html"), "utf8")).toContain("mini_inception");
});
