/** Indexes and their search: the library, and the commands `index`, `search` and `eval-pairs`. */
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { cosineSimilarity, indexImages, openEmbedder, openIndex } from "../src/index.js";
import { NODE_PLATFORM } from "../src/node/platform.js";
import { searchExactly } from "../src/search/exact.js";
import { prepareVectors } from "../src/search/vectors.js";
import { openExactSearch } from "../src/tasks/search/product-search.js";
import { fillUniform } from "../src/tensor/fill.js";
import { elements, expectSelfContained, textOf } from "./html-elements.js";
import { refused as inception, ROOT } from "./program.js";

const IMAGES = path.join(ROOT, "examples/digits/images");
const MODEL = path.join(ROOT, "examples/digits/digits.onnx");

let folder = "";
const at = (...names: readonly string[]): string => path.join(folder, ...names);

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "inception-search-"));
  process.env.XDG_CACHE_HOME = at("cache");
  for (const name of await readdir(IMAGES)) {
    const label = at("photos", `digit ${name.slice(0, 1)}`);
    await mkdir(label, { recursive: true });
    await copyFile(path.join(IMAGES, name), path.join(label, name));
  }
  await writeFile(at("photos", "bad.png"), "this is text");
});
afterAll(() => rm(folder, { recursive: true }));

describe("the library", () => {
  test("neighbors are those of the embedder's cosines", async () => {
    const { bytes, images, skipped } = await indexImages(MODEL, at("photos"));
    expect(images).toBe(20);
    expect(skipped.map(({ path: name, error }) => [name, error.code])).toEqual([["bad.png", "FILE_UNRECOGNIZED"]]);
    await using index = await openIndex(bytes ?? "", { model: MODEL });
    await using embedder = await openEmbedder(MODEL);
    const files = index.images.map(({ path: name }) => at("photos", name));
    const vectors = await embedder.embed(files);
    const query = vectors[7] ?? new Float32Array(0);
    const expected = vectors.map((vector, row) => ({ row, score: cosineSimilarity(query, vector) })).sort((a, b) => b.score - a.score);
    for (const found of [await index.search(query, { top: 5 }), await index.search(files[7] ?? "", { top: 5 })]) {
      expect(found.map(({ index: row }) => row)).toEqual(expected.slice(0, 5).map(({ row }) => row));
      for (const [k, { score }] of found.entries()) expect(score).toBeCloseTo(expected[k]?.score ?? Number.NaN, 5);
    }
    expect(index.images[7]).toMatchObject({ path: "digit 3/3-b.png", label: "digit 3" });
  });

  test("images in memory have names, labels and the hash of their bytes", async () => {
    const file = await readFile(path.join(IMAGES, "7-a.png"));
    const pixels = { width: 2, height: 1, channels: 3 as const, data: Uint8Array.of(0, 0, 0, 255, 255, 255) };
    const { bytes } = await indexImages(MODEL, [{ image: new Uint8Array(file), path: "seven", label: "7" }, pixels]);
    await using index = await openIndex(bytes ?? "");
    expect(index.images).toEqual([
      { path: "seven", label: "7", sha256: "97b08b2b0d0728748d056b47f0428f32576329ff40da6395c06efa8e1e22a610" },
      // printf '\0\0\0\377\377\377' | sha256sum
      { path: "image 1", label: null, sha256: "69e4feee9a9dde3fea79f57bf1ac68614581c26bc7562a37ffafce61095e7f61" },
    ]);
    await expect(index.search(pixels)).rejects.toThrow(
      expect.objectContaining({
        code: "OPTION_INVALID",
        message: "Cannot search for an image: the index was opened without a model; pass `model`, or a vector in place of the image",
      }),
    );
  });

  test("the runtime's products find what plain JavaScript finds", async () => {
    for (const metric of ["cosine", "euclidean"] as const) {
      // As many values as are worth a session.
      const set = prepareVectors(fillUniform("search/products", 2 ** 22, -1, 1), 1024, metric);
      const queries = Array.from({ length: 3 }, (_, k) => fillUniform(`search/product/${k}`, 1024, -1, 1));
      const searcher = await openExactSearch(NODE_PLATFORM, set, { threads: 1 });
      try {
        expect(await searcher.search(queries, 10)).toEqual(searchExactly(set, queries, 10));
      } finally {
        await searcher.close();
      }
      await expect(searcher.search(queries, 1)).rejects.toThrow(expect.objectContaining({ code: "SESSION_CLOSED" }));
    }
  });

  test("approximate search finds nearly all, and keeps its graph", async () => {
    const { bytes } = await indexImages(MODEL, at("photos"));
    for (let round = 0; round < 2; round++) {
      await using index = await openIndex(bytes ?? "", { model: MODEL, approximate: true });
      expect(index.recall).toBeGreaterThanOrEqual(0.95);
      const [first, second] = await index.search(path.join(IMAGES, "7-a.png"), { top: 2 });
      expect([first?.path, second?.path]).toEqual(["digit 7/7-a.png", "digit 7/7-b.png"]);
    }
    expect((await readdir(at("cache/inceptionkit/graphs"))).map((name) => name.replace(/^[0-9a-f]{64}/, "HASH")).sort()).toEqual([
      "HASH.usearch",
      "HASH.usearch.json",
    ]);
  });
});

describe("the commands", () => {
  const index = () => at("index.parquet");
  const build = (...flags: readonly string[]) => inception("index", at("photos"), "--model", MODEL, "--out", index(), "--json", ...flags);

  test("index skips what is no image, and computes only what is new", async () => {
    const first = await build();
    expect(first.code).toBe(1);
    expect(JSON.parse(first.out)).toMatchObject({ images: 20, computed: 20, reused: 0, removed: 0, skipped: [{ file: "bad.png" }] });
    await rm(at("photos/bad.png"));
    await rm(at("photos/digit 0/0-a.png"));
    // Another name for the same bytes, and other bytes under a known name.
    await copyFile(path.join(IMAGES, "1-a.png"), at("photos/again.png"));
    await copyFile(path.join(IMAGES, "2-b.png"), at("photos/digit 2/2-a.png"));
    const second = await build("--update");
    expect(second.code).toBe(0);
    expect(JSON.parse(second.out)).toMatchObject({ images: 20, computed: 0, reused: 20, removed: 1, skipped: [] });
    const other = await inception("index", at("photos"), "--model", "lenet", "--out", index());
    expect(other.code).toBe(2);
    expect(JSON.parse((await build("--update")).out)).toMatchObject({ images: 20, reused: 20, removed: 0 });
  });

  test("search takes the model that the index names, and writes a page", async () => {
    const query = path.join(IMAGES, "7-a.png");
    const found = await inception("search", query, "--index", index(), "--top", "2", "--json", "--report", at("n.html"));
    expect({ code: found.code, err: found.err }).toEqual({ code: 0, err: "" });
    const [{ neighbors }] = JSON.parse(found.out) as [{ neighbors: { path: string; label: string; score: number }[] }];
    expect(neighbors.map(({ path: name, label }) => [name, label])).toEqual([
      ["digit 7/7-a.png", "digit 7"],
      ["digit 7/7-b.png", "digit 7"],
    ]);
    expect(neighbors[0]?.score).toBeCloseTo(1, 5);
    const html = await readFile(at("n.html"), "utf8");
    elements(html);
    expectSelfContained(html);
    expect(textOf(html)).toContain("7-a.png 2 of 2: digit 7 query 7-a.png 1.0000 digit 7 digit 7/7-a.png");
    expect(html.match(/<img src="data:image\/jpeg/g)).toHaveLength(3);
  });

  test("search lists equal files as duplicates", async () => {
    const { code, out } = await inception("search", "--index", index(), "--duplicates", "--threshold", "0.999", "--json");
    expect(code).toBe(0);
    const groups = JSON.parse(out) as { exact: boolean; images: { path: string }[] }[];
    expect(groups.filter(({ exact }) => exact).map(({ images }) => images.map(({ path: name }) => name))).toEqual([
      ["again.png", "digit 1/1-a.png"],
      ["digit 2/2-a.png", "digit 2/2-b.png"],
    ]);
  });

  test("search rejects another model, a file that is no index, and flags without effect", async () => {
    const query = path.join(IMAGES, "7-a.png");
    // Weights are the same, but not what they are given.
    const other = {
      resize: { kind: "warp", size: 64, filter: "bilinear" },
      crop: null,
      channelOrder: "RGB",
      mean: [0, 0, 0],
      std: [1, 1, 1],
    };
    await writeFile(at("other.json"), JSON.stringify(other));
    const rejected = await inception("search", query, "--index", index(), "--model", MODEL, "--preprocessing", at("other.json"));
    expect(rejected.err.replace(/index ".*" with/, 'index "X" with').replace(/by [\d,]+%/, "by N%")).toBe(
      'inception: Cannot search the index "X" with "googlenet.public": its vector of the test image differs from that of the index by N% (tolerance 1%), so its weights or preprocessing are different; pass the model that the index was built with\n',
    );
    const text = await inception("search", query, "--index", MODEL);
    expect(text).toEqual({
      code: 2,
      out: "",
      err: `inception: Cannot read the index "${MODEL}": it is not a Parquet file, or its end is missing\n`,
    });
    for (const line of [
      ["search"],
      ["search", query],
      ["search", query, "--index", index(), "--duplicates"],
      ["search", query, "--index", index(), "--threshold", "0.9"],
    ])
      expect((await inception(...line)).code).toBe(2);
  });

  test("eval-pairs tells equal digits from others", async () => {
    const names = ["0", "1", "2", "3", "4", "6", "7", "8", "9"];
    const same = names.map((name) => `${name}-a.png,${name}-b.png,1`);
    const others = names.map((name, k) => `${name}-a.png,${names[(k + 1) % names.length]}-b.png,0`);
    await writeFile(at("pairs.csv"), ["first,second,same", ...same, ...others].join("\n"));
    const line = ["eval-pairs", at("pairs.csv"), "--images", IMAGES, "--model", MODEL];
    const { code, out, err } = await inception(...line, "--json", "--report", at("roc.html"), "--csv", at("scores.csv"));
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(JSON.parse(out)).toMatchObject({ pairs: 18, images: 18, metric: "cosine", accuracy: 1, auc: 1, equalErrorRate: 0 });
    const html = await readFile(at("roc.html"), "utf8");
    elements(html);
    expectSelfContained(html);
    expect(textOf(html)).toContain("100.0% ± 0.00 accuracy, mean of the folds ± standard error");
    expect((await readFile(at("scores.csv"), "utf8")).split("\r\n")[1]).toMatch(/^0-a\.png,0-b\.png,1,0,0\.9/);
    await writeFile(at("lfw.txt"), "1\nnobody\t1\t2\nnobody\t1\tnone\t1\n");
    expect((await inception("eval-pairs", at("lfw.txt"), "--model", MODEL)).err).toMatch(
      /^inception: Cannot find the image "nobody\/nobody_0001" of a pair in ".*", expected a file of that name that ends in .*; pass the directory of the images as --images\n$/,
    );
  });
});
