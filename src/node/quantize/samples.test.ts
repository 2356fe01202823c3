import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { IMAGENET_LABELS } from "../../data/imagenet.js";
import { listImages } from "../list-images.js";
import { labelOf, labelRule } from "./photograph-labels.js";
import { chooseSamples, type Samples } from "./samples.js";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), "inception-photographs-"));
  for (const name of ["many", "few", "empty"]) mkdirSync(path.join(folder, name));
  // Listed by name and never opened.
  for (let index = 0; index < 20; index++) writeFileSync(path.join(folder, "many", `${String(index).padStart(2, "0")}.jpg`), "");
  for (let index = 0; index < 4; index++) writeFileSync(path.join(folder, "few", `${index}.png`), "");
});
afterAll(() => rmSync(folder, { recursive: true }));

const names = (files: readonly string[]): string => files.map((file) => path.basename(file, path.extname(file))).join(" ");

const choosePhotographs = (calibrate: string, evaluate: string | undefined, most: number): Promise<Samples> =>
  chooseSamples({ name: "images", list: listImages }, { calibrate, evaluate, most });

describe("chooseSamples", () => {
  test("every fifth is set aside, and of the rest so many are taken evenly", async () => {
    const all = await choosePhotographs(path.join(folder, "many"), undefined, 100);
    expect(names(all.evaluation)).toBe("04 09 14 19");
    expect(names(all.calibration)).toBe("00 01 02 03 05 06 07 08 10 11 12 13 15 16 17 18");
    const some = await choosePhotographs(path.join(folder, "many"), undefined, 4);
    expect(names(some.calibration)).toBe("02 07 12 17");
    expect(some.evaluation).toEqual(all.evaluation);
  });

  test("another folder is evaluated whole, and none of its files calibrates", async () => {
    const { calibration, evaluation } = await choosePhotographs(folder, path.join(folder, "few"), 100);
    expect(evaluation.length).toBe(4);
    expect(calibration.length).toBe(20);
  });

  test("refuses to measure on nothing, or on what it calibrated with", async () => {
    const [few, empty, many] = ["few", "empty", "many"].map((name) => path.join(folder, name));
    if (few === undefined || empty === undefined || many === undefined) throw new RangeError("Cannot find the folders");
    const refused = (message: string): unknown => expect.objectContaining({ code: "DATASET_INVALID", message });
    await expect(choosePhotographs(few, undefined, 10)).rejects.toEqual(
      refused(
        `Cannot calibrate on "${few}": it has 4 images, expected at least 5, of which one is held out, or another directory for evaluation`,
      ),
    );
    await expect(choosePhotographs(many, empty, 10)).rejects.toEqual(
      refused(`Cannot evaluate on "${empty}": it has no images, expected at least one`),
    );
    await expect(choosePhotographs(empty, many, 10)).rejects.toEqual(
      refused(`Cannot calibrate on "${empty}": it has no images, expected others`),
    );
    await expect(choosePhotographs(many, many, 10)).rejects.toEqual(
      refused(`Cannot calibrate on "${many}": it has only the images that are evaluated, expected others`),
    );
  });
});

describe("labelOf", () => {
  test("the folder's name is a class; of ImageNet's classes a WordNet id in folder or file says it too", async () => {
    const flowers = await labelRule(["daisy", "roses"]);
    expect(labelOf("/photos/roses/1.jpg", flowers)).toBe(1);
    expect(labelOf("/photos/tulips/1.jpg", flowers)).toBe(null);
    expect(labelOf("/photos/n01440764_tench.JPEG", flowers)).toBe(null);
    const imageNet = await labelRule(IMAGENET_LABELS);
    expect(labelOf("/photos/n01440764_tench.JPEG", imageNet)).toBe(0);
    expect(labelOf("/val/n01443537/ILSVRC2012_val_00000262.JPEG", imageNet)).toBe(1);
    expect(labelOf("/val/goldfish/1.jpg", imageNet)).toBe(1);
    expect(labelOf("/val/1.jpg", await labelRule(null))).toBe(null);
  });
});
