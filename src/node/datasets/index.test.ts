import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import type { DatasetSource } from "../../data/dataset-source.js";
import { openDataset } from "./index.js";

const root = mkdtempSync(path.join(tmpdir(), "inceptionkit-datasets-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let made = 0;
/** A new folder with these files; opening a dataset reads no image, so they may hold anything. */
function folderWith(files: Readonly<Record<string, string>>): string {
  const folder = path.join(root, `set${made++}`);
  mkdirSync(folder);
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    writeFileSync(path.join(folder, name), content);
  }
  return folder;
}
const images = (...names: readonly string[]) => folderWith(Object.fromEntries(names.map((name) => [name, ""])));
const numbered = (prefix: string, count: number) => Array.from({ length: count }, (_, i) => `${prefix}/${i}.jpg`);
const samples = (source: DatasetSource | null) =>
  source && Array.from({ length: source.size }, (_, i) => [source.nameOf(i).replaceAll("\\", "/"), source.classes[source.labelOf(i)]]);

/** The whole message, with the folder's name left out. */
async function refusal(source: string, options = {}): Promise<string> {
  const thrown: unknown = await openDataset(source, options).then(
    () => new Error("it was opened"),
    (error: unknown) => error,
  );
  expect(thrown).toMatchObject({ name: "InceptionError" });
  return (thrown as Error).message.replaceAll(root + path.sep, "");
}

describe("folders", () => {
  test("train and val, classes sorted, images also in subfolders, other files left alone", async () => {
    const folder = images(
      "train/b/2.JPG",
      "train/b/deep/1.png",
      "train/a/x.webp",
      "train/a/notes.txt",
      "train/.hidden/y.jpg",
      "val/a/z.jpeg",
    );
    const { train, val } = await openDataset(folder);
    expect(train.classes).toEqual(["a", "b"]);
    expect(samples(train)).toEqual([
      ["train/a/x.webp", "a"],
      ["train/b/2.JPG", "b"],
      ["train/b/deep/1.png", "b"],
    ]);
    expect(samples(val)).toEqual([["val/a/z.jpeg", "a"]]);
  });

  test.each(["valid", "validation", "test"])("%s is for validation too; val comes first", async (name) => {
    const folder = images("train/a/1.jpg", "train/b/1.jpg", `${name}/b/1.jpg`);
    expect(samples((await openDataset(folder)).val)).toEqual([[`${name}/b/1.jpg`, "b"]]);
    writeFileSync(path.join(folder, "train/a/2.jpg"), "");
    mkdirSync(path.join(folder, "val/a"), { recursive: true });
    writeFileSync(path.join(folder, "val/a/1.jpg"), "");
    expect(samples((await openDataset(folder)).val)).toEqual([["val/a/1.jpg", "a"]]);
  });

  test("one folder is split by class and seed; train alone is split too", async () => {
    const folder = images(...numbered("a", 10), ...numbered("b", 5));
    const { train, val } = await openDataset(folder);
    expect([train.size, val?.size]).toEqual([12, 3]);
    expect([...(val?.labels ?? [])].sort()).toEqual([0, 0, 1]);
    expect(new Set([...samples(train)!, ...samples(val)!].map(([name]) => name)).size).toBe(15);
    expect(samples((await openDataset(folder)).val)).toEqual(samples(val));
    expect(samples((await openDataset(folder, { seed: 5 })).val)).not.toEqual(samples(val));
    expect((await openDataset(folder, { valFraction: 0 })).val).toBeNull();
    const alone = images(...numbered("train/a", 10), ...numbered("train/b", 10));
    expect((await openDataset(alone, { valFraction: 0.3 })).val?.size).toBe(6);
  });

  test("names of digits are sorted by value", async () => {
    const folder = images("train/10/1.jpg", "train/9/1.jpg", "train/2/1.jpg");
    expect((await openDataset(folder)).train.classes).toEqual(["2", "9", "10"]);
    const mixed = images("train/10/1.jpg", "train/9/1.jpg", "train/x/1.jpg");
    expect((await openDataset(mixed)).train.classes).toEqual(["10", "9", "x"]);
  });

  test("links to folders are followed, and one that leads round ends", async () => {
    const folder = images("train/a/1.jpg", "train/b/1.jpg");
    symlinkSync(path.join(folder, "train/b"), path.join(folder, "train/c"));
    symlinkSync(path.join(folder, "train/a"), path.join(folder, "train/a/again"));
    expect((await openDataset(folder, { valFraction: 0 })).train.size).toBe(3);
  });

  test("classes and another source for validation can be given", async () => {
    const folder = images("train/a/1.jpg", "train/b/1.jpg");
    const other = images("b/9.jpg", "a/9.jpg");
    const { train, val } = await openDataset(folder, { valData: other, classes: ["b", "x", "a"] });
    expect([train.classes, [...train.labels]]).toEqual([
      ["b", "x", "a"],
      [2, 0],
    ]);
    expect([val?.classes, samples(val)]).toEqual([
      ["b", "x", "a"],
      [
        ["a/9.jpg", "a"],
        ["b/9.jpg", "b"],
      ],
    ]);
  });

  test("images whose names begin with WordNet ids need no folders", async () => {
    const folder = images("n01440764_1.jpg", "n01443537_tench.jpg", "n01440764.png");
    const { train, val } = await openDataset(folder, { valFraction: 0 });
    expect(train.classes).toEqual(["n01440764", "n01443537"]);
    expect(samples(train)).toEqual([
      ["n01440764.png", "n01440764"],
      ["n01440764_1.jpg", "n01440764"],
      ["n01443537_tench.jpg", "n01443537"],
    ]);
    expect(val).toBeNull();
    const parts = images("train/n01440764/1.jpg", "train/n01443537/1.jpg", "val/n01443537_1.jpg");
    expect(samples((await openDataset(parts)).val)).toEqual([["val/n01443537_1.jpg", "n01443537"]]);
    expect(await refusal(images("n01440764_1.jpg", "n014437_1.jpg", "n01443537_1.jpg"))).toMatch(
      ': 2 of its 3 images start with a WordNet id, "n014437_1.jpg" does not; expected all of them to, or one directory of images per class (train/CLASS/*.jpg and val/CLASS/*.jpg, or CLASS/*.jpg)',
    );
  });

  test("what is no dataset is refused with what was found", async () => {
    const layout = "(train/CLASS/*.jpg and val/CLASS/*.jpg, or CLASS/*.jpg)";
    expect(await refusal(images("1.jpg", "2.jpg"))).toMatch(
      `: it has 2 images outside of class directories, expected one directory of images per class ${layout}`,
    );
    expect(await refusal(folderWith({}))).toMatch(`: it has no files, expected one directory of images per class ${layout}`);
    expect(await refusal(folderWith({ "b.txt": "", "a.pdf": "" }))).toMatch(
      `: it has no images and no directories, but "a.pdf", "b.txt", expected one directory of images per class ${layout}`,
    );
    expect(await refusal(images("a/1.txt", "b/1.txt"))).toMatch(
      `: it has the directories "a", "b" without images, expected one directory of images per class ${layout}`,
    );
    expect(await refusal(images("train/a/1.jpg", "train/b/1.jpg", "val/notes.txt"))).toMatch(
      `: its directory "val" has no images and no directories, but "notes.txt", expected one directory of images per class ${layout}`,
    );
    expect(await refusal(images("photos/1.jpg", "photos/2.jpg"))).toMatch(': it has only one class ("photos"), expected at least two');
    expect(await refusal(images("train/a/1.jpg", "train/b/1.jpg", "val/c/1.jpg", "val/d/2.jpg"))).toMatch(
      ': only validation has the class "c" ("val/c/1.jpg"), "d" ("val/d/2.jpg"); the training samples have "a", "b"',
    );
    expect(await refusal(images("a/1.jpg", "b/1.jpg"), { classes: ["a", "c"] })).toMatch(
      ': unknown class "b" ("b/1.jpg"); expected one of the 2 class names given or an index below 2',
    );
    expect(await refusal(images("a/1.jpg", "b/1.jpg"), { valData: images("a/1.jpg", "z/1.jpg") })).toMatch(
      ': unknown class "z" ("z/1.jpg"); expected one of the 2 class names given or an index below 2',
    );
    expect(await refusal(images("a/1.jpg", "disc/1.jpg"), { valData: "shapes10" })).toBe(
      'Cannot open the dataset "shapes10": the training data lacks its classes "checkerboard", "cross", "diagonal_stripes", "dots", "horizontal_stripes", "ring", "square", "triangle" and 1 more; the training samples have "a", "disc"',
    );
    expect(await refusal(images("a/1.jpg", "b/1.jpg"), { valFraction: 1 })).toBe(
      "Cannot open a dataset with valFraction 1: expected a number in [0, 1)",
    );
  });
});

describe("lists", () => {
  test("CSV with a split: paths are relative to the list", async () => {
    const folder = folderWith({
      "lists/all.csv": "path,label,split\n../img/1.jpg,cat,train\n../img/2.jpg,dog,\n../img/3.jpg,dog,test\n",
      "img/1.jpg": "",
    });
    const { train, val } = await openDataset(path.join(folder, "lists/all.csv"));
    expect(samples(train)).toEqual([
      ["../img/1.jpg", "cat"],
      ["../img/2.jpg", "dog"],
    ]);
    expect(samples(val)).toEqual([["../img/3.jpg", "dog"]]);
    expect(train.samples).toMatchObject({ kind: "files", root: path.join(folder, "lists") });
  });

  test("JSON lines without a split are split by class; labels are indices where names are given", async () => {
    const lines = Array.from({ length: 20 }, (_, i) => JSON.stringify({ path: `${i}.jpg`, label: i % 2 }));
    const folder = folderWith({ "set.jsonl": lines.join("\n"), "3.jpg": "" });
    const { train, val } = await openDataset(path.join(folder, "set.jsonl"), { classes: ["even", "odd"] });
    expect([train.size, val?.size, train.classes]).toEqual([16, 4, ["even", "odd"]]);
    expect(train.labelOf(0)).toBe(Number(train.nameOf(0).slice(0, -4)) % 2);
  });

  test("labels instead of label: images have several classes or none, and each class is on both sides of a split", async () => {
    const rows = Array.from({ length: 20 }, (_, i) => [`${i}.jpg`, ["", "cat", "dog", "cat|dog"][i % 4]]);
    const content = ["path,labels", ...rows.map((row) => row.join(","))].join("\n");
    const folder = folderWith({ "list.csv": content, ...Object.fromEntries(rows.map(([file]): [string, string] => [file ?? "", ""])) });
    const { train, val } = await openDataset(path.join(folder, "list.csv"), { valFraction: 0.4 });
    expect([train.classes, train.size, val?.size]).toEqual([["cat", "dog"], 12, 8]);
    for (const part of [train, val!]) {
      const { offsets, classes } = part.labelSets!;
      for (let i = 0; i < part.size; i++) {
        const names = [...classes.subarray(offsets[i], offsets[i + 1])].map((label) => part.classes[label]);
        expect(names).toEqual([[], ["cat"], ["dog"], ["cat", "dog"]][Number.parseInt(part.nameOf(i), 10) % 4]);
      }
      expect([0, 1].map((label) => classes.filter((each) => each === label).length)).toEqual(part === train ? [6, 6] : [4, 4]);
    }
  });

  test("validation images of one class each count as sets of one beside training images of several, not the reverse", async () => {
    const files = { "a.jpg": "", "b.jpg": "", "c.jpg": "" };
    const several = "path,labels\na.jpg,x\nb.jpg,x|y\nc.jpg,";
    const folder = folderWith({ ...files, "several.csv": several, "one.csv": "path,label\na.jpg,y\nb.jpg,x" });
    const at = (name: string) => path.join(folder, name);
    const { val } = await openDataset(at("several.csv"), { valData: at("one.csv") });
    expect([[...val!.labelSets!.offsets], [...val!.labelSets!.classes]]).toEqual([
      [0, 1, 2],
      [1, 0],
    ]);
    expect(await refusal(at("one.csv"), { valData: at("several.csv") })).toContain(
      "its images may have several classes or none, those for training have one each",
    );
    writeFileSync(at("none.csv"), "path,labels\na.jpg,\nb.jpg,");
    expect(await refusal(at("none.csv"))).toContain("none of its training samples has a class");
  });

  test("wrong lists are refused", async () => {
    const folder = folderWith({
      "gone.csv": "path,label\na.jpg,1\nb.jpg,2\n",
      "latin1.csv": "",
      "none.csv": "path,label\n",
      "range.csv": "path,label\n1.jpg,0\n1.jpg,7\n",
      "1.jpg": "",
    });
    writeFileSync(path.join(folder, "latin1.csv"), Buffer.from("path,label\n\xe4.jpg,1\n", "latin1"));
    const of = (name: string, options = {}) => refusal(path.join(folder, name), options);
    const set = path.basename(folder);
    expect(await of("gone.csv")).toBe(
      `Cannot open the dataset "${set}/gone.csv": none of its first 2 files exists, such as "a.jpg"; paths are relative to the directory of the list`,
    );
    expect(await of("latin1.csv")).toBe(`Cannot open the dataset "${set}/latin1.csv": the list is not UTF-8 text`);
    expect(await of("none.csv")).toBe(`Cannot open the dataset "${set}/none.csv": it has no samples, expected a line for each sample`);
    expect(await of("range.csv", { classes: ["a", "b"] })).toBe(
      `Cannot open the dataset "${set}/range.csv": unknown class "7" ("1.jpg"); expected one of the 2 class names given or an index below 2`,
    );
  });
});

test("shapes10 needs no files", async () => {
  const { train, val } = await openDataset("shapes10?train=30&val=10&size=16&seed=2");
  expect([train.size, val?.size, train.classes.length]).toEqual([30, 10, 10]);
  expect(train.samples).toMatchObject({ kind: "shapes10", side: 16, seed: 2 });
});

test("what is neither is refused", async () => {
  const folder = folderWith({ "set.zip": "", set: "" });
  const expected = 'expected a directory, a .csv, .tsv or .jsonl list, a .tar shard or "shapes10"';
  const set = path.basename(folder);
  expect(await refusal(path.join(folder, "set.zip"))).toBe(`Cannot open the dataset "${set}/set.zip": it is a ".zip" file, ${expected}`);
  expect(await refusal(path.join(folder, "set"))).toBe(`Cannot open the dataset "${set}/set": it is a file without an ending, ${expected}`);
  expect(await refusal(path.join(folder, "gone"))).toBe(`Cannot open the dataset "${set}/gone": no such file or directory, ${expected}`);
});
