import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import sharp from "sharp";
import { afterAll, describe, expect, test } from "vitest";
import type { ImageCheck } from "../src/check/image-check.js";
import { checkImages, imageFolder, labeledImages } from "../src/index.js";
import { openDataset } from "../src/node/datasets/index.js";
import { elements, expectSelfContained, textOf } from "./html-elements.js";
import { CHANGES, type Planted, plantFaults } from "./planted.js";
import { inception } from "./program.js";
import { sharedPath, titleNeeding } from "./shared.js";

const root = mkdtempSync(path.join(tmpdir(), "inceptionkit-check-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** The pairs of a check that are linked or in one group. */
function isFound({ duplicates }: ImageCheck, a: string, b: string): boolean {
  return duplicates.some(({ images }) => [a, b].every((name) => images.some((image) => image.name === name)));
}

/** Groups in which no two images are a planted pair: what a person looks at in vain, or a real duplicate of the source. */
function notPlanted({ duplicates }: ImageCheck, planted: Planted): readonly string[] {
  const known = [...planted.copies, ...planted.leaks].map(({ original, copy }) => [original, copy]);
  return duplicates
    .map(({ images }) => images.map(({ name }) => name))
    .filter((names) => !known.some((pair) => pair.every((name) => names.includes(name))))
    .map((names) => names.join(" "));
}

const FLOWERS = "data/flowers5";
const flowers = sharedPath(FLOWERS);

describe.skipIf(flowers === null)(titleNeeding("planted faults in photographs", flowers, FLOWERS), () => {
  test("copies and leaks are found by name, and nothing else", async () => {
    const target = path.join(root, "flowers");
    const sizes = { parts: ["train", "val"], perClass: [30, 10], each: 3, flips: 0, seed: 2 } as const;
    const planted = await plantFaults(flowers ?? "", target, sizes);
    const check = await checkImages(imageFolder(target));
    const pairs = [...planted.copies, ...planted.leaks];
    expect(pairs.length).toBe(2 * 3 * CHANGES.length);
    const missed = pairs.filter(({ original, copy }) => !isFound(check, original, copy));
    expect(missed.length, JSON.stringify(missed)).toBeLessThanOrEqual(1);
    expect(notPlanted(check, planted)).toEqual([]);
    const { counts } = check;
    const missedLeaks = missed.filter(({ copy }) => copy.startsWith("val/")).length;
    expect(counts).toMatchObject({
      leaks: planted.leaks.length - missedLeaks,
      copies: planted.copies.length - (missed.length - missedLeaks),
      acrossClasses: 0,
      unreadable: 0,
    });
    const relations = check.duplicates.flatMap(({ links }) => links).filter(({ kind, mirrored }) => kind === "near" && mirrored);
    expect(relations.every(({ a, b }) => `${a.name} ${b.name}`.includes("flipped-"))).toBe(true);
    expect(relations.length).toBeGreaterThan(0);
  });
});

/** A folder of generated images with one class per color of ground. */
async function smallSet(name: string): Promise<string> {
  const folder = path.join(root, name);
  for (const [k, part] of ["train", "val"].entries()) {
    for (const [label, each] of ["blue", "red"].entries()) {
      mkdirSync(path.join(folder, part, each), { recursive: true });
      for (let i = 0; i < 6; i++) {
        const squares = Array.from({ length: 5 }, (_, j) => {
          const key = 37 * i + 61 * j + 101 * k + 53 * label;
          return `<rect x="${(key * 7) % 60}" y="${(key * 13) % 50}" width="${12 + (key % 17)}" height="${10 + (key % 23)}" fill="rgb(${(key * 29) % 256},${(key * 17) % 256},90)"/>`;
        });
        const ground = label === 0 ? "#2040a0" : "#a03020";
        const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="80" height="64"><rect width="80" height="64" fill="${ground}"/>${squares.join("")}</svg>`;
        await sharp(Buffer.from(svg))
          .png()
          .toFile(path.join(folder, part, each, `${i}.png`));
      }
    }
  }
  return folder;
}

test("unreadable, truncated and oversized files are findings with a reason, and never errors", async () => {
  const folder = await smallSet("damaged");
  const whole = readFileSync(path.join(folder, "train/red/1.png"));
  writeFileSync(path.join(folder, "train/red/cut.png"), whole.subarray(0, whole.length >> 1));
  writeFileSync(path.join(folder, "train/red/empty.jpg"), "");
  writeFileSync(path.join(folder, "val/blue/text.jpg"), "no image at all");
  const jpeg = await sharp(whole).resize(160, 128).jpeg().toBuffer();
  writeFileSync(path.join(folder, "val/red/half.jpg"), jpeg.subarray(0, jpeg.length >> 1));
  const { unreadable, counts, train, val } = await checkImages(imageFolder(folder));
  expect([train, val, counts.unreadable]).toEqual([14, 14, 4]);
  expect(unreadable.map(({ name, className, split }) => [name, className, split])).toEqual([
    ["train/red/cut.png", "red", "train"],
    ["train/red/empty.jpg", "red", "train"],
    ["val/blue/text.jpg", "blue", "val"],
    ["val/red/half.jpg", "red", "val"],
  ]);
  expect(unreadable[1]?.reason).toBe("the file is empty");
  const { counts: clean } = await checkImages(imageFolder(await smallSet("clean")));
  expect(clean).toMatchObject({ unreadable: 0, leaks: 0, acrossClasses: 0, copies: 0, imbalance: 0 });
});

test("one image under two labels, a leak of equal bytes, and the same pixels in another file", async () => {
  const folder = await smallSet("mixed");
  const at = (name: string) => path.join(folder, name);
  copyFileSync(at("train/red/0.png"), at("train/blue/again.png"));
  copyFileSync(at("train/red/1.png"), at("val/red/again.png"));
  await sharp(at("train/red/2.png")).png({ compressionLevel: 0 }).toFile(at("train/red/stored.png"));
  const { duplicates, counts } = await checkImages(imageFolder(folder));
  const shown = duplicates.map(({ images, links, leak, acrossClasses }) => ({
    names: images.map(({ name }) => name),
    kind: links[0]?.kind,
    leak,
    acrossClasses,
  }));
  expect(shown).toEqual([
    { names: ["train/blue/again.png", "train/red/0.png"], kind: "bytes", leak: false, acrossClasses: true },
    { names: ["train/red/1.png", "val/red/again.png"], kind: "bytes", leak: true, acrossClasses: false },
    { names: ["train/red/2.png", "train/red/stored.png"], kind: "pixels", leak: false, acrossClasses: false },
  ]);
  expect(counts).toMatchObject({ leaks: 1, acrossClasses: 1, copies: 1 });
});

test("images in memory and generated ones are checked too, and unequal classes are counted", async () => {
  const folder = await smallSet("memory");
  const files = readdirSync(path.join(folder, "train/red"));
  const items = files.map((file) => ({ image: readFileSync(path.join(folder, "train/red", file)), label: "red" }));
  const blue = [{ image: readFileSync(path.join(folder, "train/blue/0.png")), label: "blue" }];
  const { counts, classes } = await checkImages(labeledImages([...items, ...blue]), { valFraction: 0 });
  expect(classes).toEqual([
    { name: "blue", train: 1, val: 0 },
    { name: "red", train: 6, val: 0 },
  ]);
  expect(counts.imbalance).toBe(1);
  const shapes = await checkImages(imageFolder("shapes10?train=20&val=10"));
  expect([shapes.train, shapes.val, shapes.counts.unreadable]).toEqual([20, 10, 0]);
});

test("progress counts images, an aborted check rejects with the reason, and folds are checked", async () => {
  const data = imageFolder(await smallSet("progress"));
  const seen: number[] = [];
  await checkImages(data, { onProgress: ({ phase, done }) => void (phase === "images" && seen.push(done)) });
  expect(seen.at(-1)).toBe(24);
  const controller = new AbortController();
  const reason = new Error("enough");
  const aborted = checkImages(data, { signal: controller.signal, onProgress: () => controller.abort(reason) });
  await expect(aborted).rejects.toBe(reason);
  await expect(checkImages(data, { folds: 1 })).rejects.toThrowError("Cannot check images with folds 1: expected an integer from 2 to 20");
});

describe("inception check", () => {
  /** A folder with a leak, a copy, one image in two classes and a damaged file. */
  async function faultySet(name: string): Promise<string> {
    const folder = await smallSet(name);
    const at = (file: string) => path.join(folder, file);
    copyFileSync(at("train/red/1.png"), at("val/red/again.png"));
    copyFileSync(at("train/red/2.png"), at("train/red/=copy.png"));
    copyFileSync(at("train/red/0.png"), at("train/blue/again.png"));
    writeFileSync(at("train/blue/bad.png"), "text");
    return folder;
  }

  test("prints findings by name, and ends with 1 where some are severe", async () => {
    const folder = await faultySet("printed");
    const { code, out, err } = await inception("check", folder);
    expect([code, err]).toEqual([1, "inception: 3 severe findings; pass --write-list to write a list without them\n"]);
    expect(out).toContain("15 training and 13 validation images, 2 classes");
    expect(out).toMatch(/^leaks +1 +severe$/m);
    expect(out).toMatch(/^images in two classes +1 +severe$/m);
    expect(out).toMatch(/^unreadable files +1 +severe$/m);
    expect(out).toMatch(/^copies within a class +1 *$/m);
    expect(out).toContain("Leaks:\n  train/red/1.png = val/red/again.png\n");
    const json = await inception("check", folder, "--json");
    expect(JSON.parse(json.out)).toMatchObject({
      train: 15,
      val: 13,
      severe: 3,
      counts: { leaks: 1, acrossClasses: 1, unreadable: 1, copies: 1 },
    });
    expect(await inception("check", await smallSet("nothing wrong"))).toMatchObject({ code: 0 });
  });

  test.each(["clean.csv", "lists/clean.jsonl"])("%s is a list without these faults, which training takes", async (name) => {
    const folder = await faultySet(`listed-${path.extname(name)}`);
    const list = path.join(folder, name);
    mkdirSync(path.dirname(list), { recursive: true });
    expect(await inception("check", folder, "--write-list", list)).toMatchObject({ code: 1 });
    const { train, val } = await openDataset(list);
    // Of 15 training images: without the damaged one, both of one image in two classes, and one of the copies; of 13, without the leak.
    expect([train.size, val?.size, train.classes]).toEqual([11, 12, ["blue", "red"]]);
    expect(await inception("check", list)).toMatchObject({ code: 0 });
  });

  test("the split is that of training: its seed and fraction decide what is a leak", async () => {
    const folder = path.join(await smallSet("seeds"), "train");
    copyFileSync(path.join(folder, "red/1.png"), path.join(folder, "red/copy.png"));
    for (const seed of [1, 2, 3, 4, 5, 6]) {
      const { train } = await openDataset(folder, { seed, valFraction: 0.5 });
      const inTrain = ["red/1.png", "red/copy.png"].map((name) =>
        Array.from({ length: train.size }, (_, i) => train.nameOf(i)).includes(name),
      );
      const { out } = await inception("check", folder, "--seed", String(seed), "--val-fraction", "0.5", "--json");
      const isLeak = inTrain[0] !== inTrain[1];
      expect(JSON.parse(out)).toMatchObject({ counts: { leaks: isLeak ? 1 : 0, copies: isLeak ? 0 : 1 } });
    }
  });

  test("the page shows pairs, and shards and generated images are checked too", async () => {
    const folder = await faultySet("page");
    const page = path.join(root, "page.html");
    expect(await inception("check", folder, "--report", page)).toMatchObject({ code: 1 });
    const html = readFileSync(page, "utf8");
    elements(html);
    expectSelfContained(html);
    const text = textOf(html);
    for (const part of [
      "Data check: page",
      "1 leak: training = validation",
      "Byte for byte train/red/1.png val/red/again.png",
      "Labels were not checked",
    ])
      expect(text).toContain(part);
    expect(html.match(/<img src="data:image\/jpeg;base64,/g)).toHaveLength(6);
    const shapes = await inception("check", "shapes10?train=20&val=10", "--report", page, "--json");
    expect(JSON.parse(shapes.out)).toMatchObject({ train: 20, val: 10, unreadable: [] });
    const refused = await inception("check", "shapes10?train=20&val=10", "--write-list", path.join(root, "x.csv"));
    expect(refused.code).toBe(2);
    expect(refused.err).toContain("has no image files, which a list names; expected a directory or a list");
  });

  test("labels that contradict the features of a model are suspects", async () => {
    const folder = path.join(root, "digits");
    const digits = path.resolve("examples/digits");
    for (const file of readdirSync(path.join(digits, "images"))) {
      const [label = ""] = file.split("-");
      const place = path.join(folder, label === "7" ? "seven" : "other");
      mkdirSync(place, { recursive: true });
      copyFileSync(path.join(digits, "images", file), path.join(place, file));
    }
    const line = ["check", folder, "--val-fraction", "0", "--model", path.join(digits, "digits.onnx"), "--folds", "2", "--json"];
    const { out } = await inception(...line);
    const { labels } = JSON.parse(out) as ImageCheck;
    expect(labels).toMatchObject({ images: 20, model: expect.any(String) as string });
    expect(labels?.accuracy).toBeGreaterThan(0.8);
    const { code, err: refused } = await inception("check", folder, "--weights", "x.safetensors");
    expect([code, refused]).toEqual([
      2,
      "inception: unexpected --weights: supported only with --model, whose features show which labels are suspect; see inception check --help\n",
    ]);
  });
});
