import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { InceptionError } from "../errors.js";
import { expandGlob, isGlob, matchesName } from "./glob.js";
import { listImages } from "./list-images.js";

describe("one name", () => {
  test.each([
    ["*.jpg", "a.jpg", true],
    ["*.jpg", ".jpg", false],
    [".*", ".jpg", true],
    ["*", "", true],
    ["*.jpg", "a.jpeg", false],
    ["a*b*c", "aXXbYYbc", true],
    ["a*b*c", "aXXbYYb", false],
    ["?.png", "é.png", true],
    ["?.png", "😀.png", true],
    ["?.png", "ab.png", false],
    ["[a-c]x", "bx", true],
    ["[a-c]x", "dx", false],
    ["[!a-c]x", "dx", true],
    ["[!a-c]x", "ax", false],
    ["[]]", "]", true],
    ["[a-]", "-", true],
    ["[*]", "*", true],
    ["[*]", "a", false],
    ["[", "[", true],
    ["a[bc", "a[bc", true],
    ["a.b", "aXb", false],
    ["(a|b)+", "(a|b)+", true],
  ] as const)("%s and %s: %s", (pattern, name, matches) => {
    expect(matchesName(pattern, name)).toBe(matches);
  });

  test("takes no longer for a pattern that is made to", () => {
    const start = performance.now();
    expect(matchesName(`${"a*".repeat(100)}b`, "a".repeat(255))).toBe(false);
    expect(performance.now() - start).toBeLessThan(1000);
  });
});

describe("a pattern", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "inception-glob-"));
    for (const name of ["a", "a/deep", "b", ".hidden"]) await mkdir(path.join(folder, name));
    for (const name of ["1.jpg", "2.png", "3.txt", "a/4.jpg", "a/deep/5.jpg", "b/6.JPG", ".hidden/7.jpg", "x[1].jpg"]) {
      await writeFile(path.join(folder, name), "");
    }
    await symlink(folder, path.join(folder, "b", "round"));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test.each([
    ["*.jpg", ["1.jpg", "x[1].jpg"]],
    ["*.{jpg,png}", ["1.jpg", "2.png", "x[1].jpg"]],
    ["{1,{2,3}}.*", ["1.jpg", "2.png", "3.txt"]],
    ["{1}.jpg", []],
    ["[12].*", ["1.jpg", "2.png"]],
    ["*/*.jpg", ["a/4.jpg"]],
    ["**/*.jpg", ["1.jpg", "a/4.jpg", "a/deep/5.jpg", "x[1].jpg"]],
    ["a/**", ["a/4.jpg", "a/deep/5.jpg"]],
    ["a/**/5.jpg", ["a/deep/5.jpg"]],
    ["?/deep/*", ["a/deep/5.jpg"]],
    [".hidden/*", [".hidden/7.jpg"]],
    ["none/*", []],
    ["1.jpg/*", []],
  ] as const)("%s stands for %j", async (pattern, expected) => {
    const found = await expandGlob(path.join(folder, pattern));
    expect(found.map((file) => path.relative(folder, file))).toEqual(expected);
  });

  test("is relative to the working directory", async () => {
    expect(await expandGlob("examples/digits/*.onnx")).toEqual(["examples/digits/digits.onnx"]);
  });

  test("of too many alternatives is refused", async () => {
    const pattern = "{a,b}".repeat(11);
    const message = `Cannot use the pattern "${pattern}": it stands for more than 1024 patterns`;
    await expect(expandGlob(pattern)).rejects.toThrow(new InceptionError("OPTION_INVALID", message, { pattern }));
  });

  test("lists images; a file of that very name comes first, and a pattern of nothing is an error", async () => {
    const inFolder = (name: string) => path.join(folder, name);
    expect(await listImages([inFolder("{a,1.jpg}"), inFolder("x[1].jpg")])).toEqual(
      ["1.jpg", "a/4.jpg", "a/deep/5.jpg", "x[1].jpg"].map(inFolder),
    );
    const none = inFolder("*.webp");
    const message = `Cannot list images of "${none}": no file matches this pattern`;
    await expect(listImages([none])).rejects.toThrow(new InceptionError("FILE_NOT_FOUND", message, { file: none }));
  });

  test("has a special character", () => {
    expect(["a.jpg", "a b", "{", "a?", "[", "*"].map(isGlob)).toEqual([false, false, true, true, true, true]);
  });
});
