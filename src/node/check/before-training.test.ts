/** Files stand for images: nothing is decoded. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, expect, test } from "vitest";
import { openDataset } from "../datasets/index.js";
import { dataFaults, faultFacts, faultLines } from "./before-training.js";

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** A folder of files by their paths. */
function folderOf(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(path.join(tmpdir(), "faults-"));
  folders.push(folder);
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(path.join(folder, path.dirname(name)), { recursive: true });
    writeFileSync(path.join(folder, name), content);
  }
  return folder;
}

const faultsOf = async (folder: string) => dataFaults(await openDataset(folder, { valFraction: 0.2, seed: 1 }));

test("leaks, labels that contradict, copies, empty files and unequal classes are named", async () => {
  const others = Object.fromEntries(Array.from({ length: 8 }, (_, i) => [`train/rose/${i}.jpg`, `rose ${i}`.padEnd(20 + i)]));
  const found = await faultsOf(
    folderOf({
      ...others,
      "train/rose/copy.jpg": others["train/rose/3.jpg"]!,
      "train/rose/twice.jpg": "one image",
      "train/daisy/twice.jpg": "one image",
      "train/daisy/leak.jpg": "shown in both",
      "val/daisy/leaked.jpg": "shown in both",
      "val/daisy/same-size.jpg": "different, !!",
      "val/rose/empty.jpg": "",
    }),
  );
  expect(found.counts).toMatchObject({ leaks: 1, acrossClasses: 1, copies: 1, unreadable: 1, imbalance: 1 });
  expect(faultLines(found)).toEqual([
    "warning: 1 image of validation also in training, so that accuracy looks better than it is: train/daisy/leak.jpg = val/daisy/leaked.jpg",
    "warning: 1 image with two labels: train/daisy/twice.jpg = train/rose/twice.jpg",
    "warning: 1 copy within a class",
    "warning: 1 empty file: val/rose/empty.jpg",
    "warning: the largest class has more than 3 times as many training images as the smallest",
    "`inception check` also finds near copies, suspect labels and outliers",
  ]);
  expect(faultFacts(found)).toEqual([
    ["validation images also in training", "1"],
    ["images with two labels", "1"],
    ["copies within a class", "1"],
    ["empty files", "1"],
    ["classes", "unequal: more than 3 to 1"],
  ]);
});

test("a set without faults gives no lines; long lists are cut with their rest counted, and names are cleaned", async () => {
  const clean = await faultsOf(folderOf({ "train/a/1.jpg": "1", "train/b/2.jpg": "22", "val/a/3.jpg": "3", "val/b/4.jpg": "44" }));
  expect([faultLines(clean), faultFacts(clean)]).toEqual([[], []]);
  const pairs: Record<string, string> = {};
  for (let i = 0; i < 5; i++) {
    pairs[`train/a/${i}\u001b[31m.jpg`] = `pair ${i}`;
    pairs[`val/a/${i}.jpg`] = `pair ${i}`;
  }
  const [line] = faultLines(await faultsOf(folderOf({ ...pairs, "train/b/b.jpg": "b" })));
  expect(line).toMatch(/^warning: 5 images of validation also in training, .* = val\/a\/2\.jpg and 2 more$/);
  expect(line).not.toContain("\u001b");
});

test("several classes for each image: leaks and copies only", async () => {
  const folder = folderOf({ "1.jpg": "x", "2.jpg": "x", "3.jpg": "y", "all.csv": "path,labels\n1.jpg,a|b\n2.jpg,b\n3.jpg,a\n" });
  const data = await openDataset(path.join(folder, "all.csv"), { valFraction: 0, seed: 1 });
  const found = await dataFaults(data);
  expect(found.counts).toMatchObject({ acrossClasses: 0, copies: 1, imbalance: 0 });
});
