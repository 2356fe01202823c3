import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { InceptionError } from "../errors.js";
import { listImages } from "./list-images.js";

const root = mkdtempSync(path.join(tmpdir(), "inceptionkit-list-"));
const at = (...parts: readonly string[]) => path.join(root, ...parts);

beforeAll(() => {
  mkdirSync(at("photos", "more"), { recursive: true });
  mkdirSync(at("photos", "folder.jpg"));
  for (const name of ["b.JPG", "a.png", "notes.txt", ".hidden.jpg", "more/c.webp", "more/d.tiff", "folder.jpg/e.avif"]) {
    writeFileSync(at("photos", name), "");
  }
  symlinkSync(at("photos"), at("photos", "more", "round"));
  symlinkSync(at("photos", "a.png"), at("photos", "z.gif"));
  symlinkSync(at("nowhere.jpg"), at("photos", "broken.jpg"));
  symlinkSync(at("photos", "self.jpg"), at("photos", "self.jpg"));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

test("a folder gives its images and those below, sorted; links are followed once", async () => {
  const found = await listImages([at("photos")]);
  expect(found.map((file) => path.relative(root, file))).toEqual([
    "photos/a.png",
    "photos/b.JPG",
    "photos/folder.jpg/e.avif",
    "photos/more/c.webp",
    "photos/more/d.tiff",
    "photos/z.gif",
  ]);
});

test("a named file is kept whatever it is called, and the order of the paths too", async () => {
  const named = [at("photos", "notes.txt"), at("photos", "more"), at("photos", ".hidden.jpg")];
  expect((await listImages(named)).map((file) => path.basename(file))).toEqual([
    "notes.txt",
    "c.webp",
    "d.tiff",
    // Through the link: each path is listed for itself.
    "a.png",
    "b.JPG",
    "e.avif",
    "z.gif",
    ".hidden.jpg",
  ]);
  expect(await listImages([])).toEqual([]);
});

test("a path that does not exist is an error", async () => {
  const error: unknown = await listImages([at("photos"), at("nothing")]).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(InceptionError);
  expect(error).toMatchObject({
    code: "FILE_NOT_FOUND",
    message: `Cannot list images of "${at("nothing")}": no such file or directory`,
  });
});
