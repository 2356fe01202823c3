import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { buffer } from "node:stream/consumers";
import fc from "fast-check";
import sharp from "sharp";
import { pack } from "tar-stream";
import { afterAll, describe, expect, test } from "vitest";
import { InceptionError } from "../../errors.js";
import { openDataset } from "./index.js";
import { openSampleReader } from "./sample-reader.js";
import { expandBraces, indexTar, splitByName } from "./tar-shards.js";

const root = mkdtempSync(path.join(tmpdir(), "inceptionkit-tar-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

type Members = Readonly<Record<string, string | Uint8Array>>;

async function tarBytes(members: Members): Promise<Uint8Array> {
  const tar = pack();
  for (const [name, content] of Object.entries(members)) tar.entry({ name }, typeof content === "string" ? Buffer.from(content) : content);
  tar.finalize();
  return buffer(tar);
}

async function tarFile(name: string, members: Members): Promise<string> {
  const file = path.join(root, name);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, await tarBytes(members));
  return file;
}

const refusal = async (work: Promise<unknown>): Promise<string> => {
  const thrown: unknown = await work.then(
    () => new Error("it was read"),
    (error: unknown) => error,
  );
  expect(thrown).toBeInstanceOf(InceptionError);
  return (thrown as InceptionError).message.replaceAll(root + path.sep, "");
};

test("samples are found by their name up to the first dot; offsets lead to the bytes", async () => {
  const file = await tarFile("plain.tar", {
    "a/001.jpg": "first image",
    "a/001.cls": "3\n",
    "a/001.txt": "a caption",
    "b/002.seg.png": "not the image",
    "b/002.png": "second",
    "b/002.json": '{"label": "seven", "more": {"x": 1}}',
    "README.md": "nothing",
    "._003.jpg": "what a Mac leaves",
    [`${"long/".repeat(60)}003.webp`]: "third",
    [`${"long/".repeat(60)}003.cls`]: "3",
  });
  const samples = await indexTar(file);
  const bytes = readFileSync(file);
  expect(samples.map(({ key, label, offset, length }) => [key, label, bytes.toString("latin1", offset, offset + length)])).toEqual([
    ["a/001", "3", "first image"],
    ["b/002", "seven", "second"],
    [`${"long/".repeat(60)}003`, "3", "third"],
  ]);
});

test("a sample has several classes or none where its record lists them", async () => {
  const file = await tarFile("several.tar", {
    "1.jpg": "x",
    "1.json": '{"labels": ["dog", 7]}',
    "2.jpg": "y",
    "2.json": '{"labels": []}',
    "3.jpg": "z",
    "3.cls": "dog",
  });
  expect((await indexTar(file)).map(({ label }) => label)).toEqual([["dog", "7"], [], "dog"]);
  const { train } = await openDataset(file, { valFraction: 0 });
  expect([train.classes, [...train.labelSets!.offsets], [...train.labelSets!.classes]]).toEqual([
    ["7", "dog"],
    [0, 2, 2, 3],
    [0, 1, 1],
  ]);
  for (const [json, fact] of [
    ['{"labels": "dog"}', '"labels" in "1.json" is not an array'],
    ['{"labels": [null]}', 'the label in "1.json" is neither a name nor an integer of at least 0'],
    ['{"label": "dog", "labels": []}', '"1.json" has both "label" and "labels"'],
  ]) {
    const wrong = await tarFile("wrong-labels.tar", { "1.jpg": "x", "1.json": json! });
    expect(await refusal(indexTar(wrong))).toContain(fact!);
  }
});

test("a dataset of shards: pattern, folder, one file, and parts by name", async () => {
  const shard = (label: string, from: number) =>
    Object.fromEntries(
      [0, 1, 2, 3].flatMap((i) => [
        [`${from + i}.jpg`, "x"],
        [`${from + i}.cls`, i % 2 === 0 ? label : "10"],
      ]),
    );
  for (const i of [0, 1, 2]) await tarFile(`shards/s-00${i}.tar`, shard("9", 10 * i));
  const pattern = await openDataset(path.join(root, "shards/s-{000..002}.tar"), { valFraction: 0 });
  expect([pattern.train.size, pattern.train.classes, pattern.train.nameOf(5)]).toEqual([12, ["9", "10"], "s-001.tar:11"]);
  const folder = await openDataset(path.join(root, "shards"));
  expect([folder.train.size, folder.val?.size]).toEqual([10, 2]);
  const one = await openDataset(path.join(root, "shards/s-001.tar"));
  expect([one.train.size, one.val?.size]).toEqual([2, 2]);
  await tarFile("parts/x-train-0.tar", shard("1", 0));
  await tarFile("parts/x-val-0.tar", shard("1", 50));
  expect((await openDataset(path.join(root, "parts"))).val?.nameOf(0)).toBe("x-val-0.tar:50");
  await tarFile("folders/train/0.tar", shard("1", 0));
  await tarFile("folders/validation/0.tar", shard("1", 50));
  expect((await openDataset(path.join(root, "folders"))).val?.nameOf(0)).toBe("0.tar:50");
});

test("images are read out of their shards in any order", async () => {
  const png = (value: number) =>
    sharp({ create: { width: 2, height: 1, channels: 3, background: { r: value, g: 0, b: 0 } } })
      .png()
      .toBuffer();
  const first = await tarFile("read/0.tar", { "a.png": await png(1), "a.cls": "0", "b.png": await png(2), "b.cls": "1" });
  await tarFile("read/1.tar", { "c.png": await png(3), "c.cls": "1", "d.png": "damaged", "d.cls": "0" });
  const { train } = await openDataset(path.dirname(first), { valFraction: 0 });
  const reader = openSampleReader(train.samples, 0);
  const reds = await Promise.all([2, 0, 1].map(async (i) => (await reader.read(i)).data[0]));
  expect(reds).toEqual([3, 1, 2]);
  expect(await refusal(reader.read(3))).toBe(
    'Cannot decode image "1.tar:d": the content matches no supported image format, expected one of AVIF, GIF, JPEG, PNG, TIFF, WebP',
  );
  await reader.close();
});

describe("wrong shards", () => {
  test.each<[string, Members, string]>([
    ["no label", { "a.jpg": "x" }, 'the sample "a" has no label (.cls, or .json with "label")'],
    ["no image", { "a.cls": "1" }, 'the sample "a" has no image (.jpg, .jpeg, .png or .webp)'],
    ["two images", { "a.jpg": "x", "a.png": "x", "a.cls": "1" }, 'the sample "a" has two images'],
    ["two labels", { "a.jpg": "x", "a.cls": "1", "a.json": '{"label": 2}' }, 'the sample "a" has the labels "1" and "2"'],
    ["scattered", { "a.jpg": "x", "b.jpg": "x", "a.cls": "1" }, 'the sample "a" has no label (.cls, or .json with "label")'],
    ["empty label", { "a.jpg": "x", "a.cls": " \n" }, '"a.cls" is "", expected one number or name'],
    ["long label", { "a.jpg": "x", "a.cls": "1".repeat(70_000) }, '"a.cls" has 70,000 bytes, the limit is 65,536'],
    ["no object", { "a.jpg": "x", "a.json": "3" }, '"a.json" is not a JSON object'],
    ["bad label", { "a.jpg": "x", "a.json": '{"label": -1}' }, 'the label in "a.json" is neither a name nor an integer of at least 0'],
    ["not text", { "a.jpg": "x", "a.cls": Uint8Array.of(0xff) }, '"a.cls" is not UTF-8 text'],
    ["long name", { [`${"x".repeat(5000)}.jpg`]: "" }, "a name has 5,004 characters, the limit is 4,096"],
  ])("%s", async (name, members, fact) => {
    const file = await tarFile(`wrong/${name}.tar`, members);
    expect(await refusal(indexTar(file))).toBe(`Cannot read the shard "wrong/${name}.tar": ${fact}`);
  });

  test("no tar, one that ends early, one that is not there, an empty one", async () => {
    const bytes = await tarBytes({ "a.jpg": "x".repeat(5000), "a.cls": "1" });
    writeFileSync(path.join(root, "cut.tar"), bytes.subarray(0, 3000));
    writeFileSync(path.join(root, "text.tar"), "no tar at all ".repeat(100));
    writeFileSync(path.join(root, "empty.tar"), "");
    expect(await refusal(indexTar(path.join(root, "cut.tar")))).toBe('Cannot read the shard "cut.tar": it ends in the middle of a file');
    expect(await refusal(indexTar(path.join(root, "text.tar")))).toBe(
      'Cannot read the shard "text.tar": it is not a tar file, or it is damaged (Invalid tar header. Maybe the tar is corrupted or it needs to be gunzipped?)',
    );
    expect(await refusal(indexTar(path.join(root, "gone.tar")))).toBe('Cannot open "gone.tar": no such file or directory');
    expect(await refusal(openDataset(path.join(root, "empty.tar")))).toBe(
      'Cannot open the dataset "empty.tar": it has no samples, expected samples of an image (.jpg, .jpeg, .png or .webp) and a label (.cls, or .json with "label") each',
    );
  });

  test("damaged anywhere, a shard is read or refused by name, and every offset lies inside", async () => {
    const whole = await tarBytes({
      "a.jpg": "xx",
      "a.cls": "1",
      [`${"d/".repeat(80)}b.png`]: "yy",
      [`${"d/".repeat(80)}b.json`]: '{"label":1}',
    });
    const file = path.join(root, "fuzz.tar");
    const change = fc.tuple(fc.nat(whole.length - 1), fc.nat(255));
    await fc.assert(
      fc.asyncProperty(fc.array(change, { maxLength: 4 }), fc.integer({ min: 0, max: whole.length }), async (changes, length) => {
        const damaged = whole.slice();
        for (const [at, value] of changes) damaged[at] = value;
        writeFileSync(file, damaged.subarray(0, length));
        try {
          for (const sample of await indexTar(file)) expect(sample.offset + sample.length).toBeLessThanOrEqual(length);
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(InceptionError);
        }
      }),
      { numRuns: 300 },
    );
  });
});

test("number ranges in braces", () => {
  expect(expandBraces("a-{08..11}.tar")).toEqual(["a-08.tar", "a-09.tar", "a-10.tar", "a-11.tar"]);
  expect(expandBraces("{9..10}/{0..1}")).toEqual(["9/0", "9/1", "10/0", "10/1"]);
  expect(expandBraces("{a..b}")).toEqual(["{a..b}"]);
  expect(() => expandBraces("{3..1}")).toThrowError('Cannot open the dataset "{3..1}": the range {3..1} is descending');
  expect(() => expandBraces("{0..999999999}")).toThrowError(
    'Cannot open the dataset "{0..999999999}": the range {0..999999999} has more than 100,000 files',
  );
  expect(() => expandBraces("{0..999}{0..999}")).toThrowError('Cannot open the dataset "{0..999}{0..999}": it has more than 100,000 files');
});

test("names decide about parts only where both parts are named", () => {
  expect(splitByName(["x-train-0.tar", "y.tar", "test_1.tar"]).map(({ split }) => split)).toEqual(["train", "train", "val"]);
  expect(splitByName(["x-train-0.tar", "constraint.tar"]).map(({ split }) => split)).toEqual([null, null]);
});
