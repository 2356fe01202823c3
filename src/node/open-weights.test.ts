import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { bundle, sliceFile, type Variable, variable } from "../../test/tensorflow-files.js";
import { encodeNpy } from "../formats/npy.js";
import { inspectFile } from "./inspect-file.js";
import { digestWeights, findWeights, openWeights } from "./open-weights.js";
import { sha256Hex } from "./sha256.js";
import { resolveSource } from "./weight-source.js";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "inceptionkit-weights-"));
});
afterEach(() => rm(folder, { recursive: true }));

const VARIABLES: readonly Variable[] = [variable("a/biases", 4), variable("a/weights", 2, 2, 1, 4)];
const PREFIX = "model.ckpt-100";

async function writeBundle(shards = 1): Promise<void> {
  const { index, data } = bundle(VARIABLES, { shards });
  await writeFile(path.join(folder, `${PREFIX}.index`), index);
  for (const [ending, bytes] of data) await writeFile(path.join(folder, PREFIX + ending), bytes);
}

async function valuesOf(where: string): Promise<readonly (readonly [string, readonly number[]])[]> {
  const { file, close } = await openWeights(where);
  try {
    return await Promise.all(
      [...file.tensors.values()].map(async (entry) => [entry.name, Array.from((await entry.read()).data, Number)] as const),
    );
  } finally {
    await close();
  }
}

describe("TensorFlow.js models on disk", () => {
  const weights = [
    { name: "a/kernel", shape: [2, 2], dtype: "float32" },
    { name: "a/bias", shape: [2], dtype: "float32", quantization: { dtype: "uint8", scale: 0.5, min: -1 } },
  ];
  const bytes = new Uint8Array([...new Uint8Array(Float32Array.of(1, 2, 3, 4).buffer), 0, 4]);
  const values = [
    ["a/kernel", [1, 2, 3, 4]],
    ["a/bias", [-1, 1]],
  ];

  async function writeModel(name: string, paths: readonly string[]): Promise<string> {
    await writeFile(path.join(folder, name), JSON.stringify({ weightsManifest: [{ paths, weights }] }));
    await writeFile(path.join(folder, "group1-shard1of2.bin"), bytes.subarray(0, 5));
    await writeFile(path.join(folder, "group1-shard2of2.bin"), bytes.subarray(5));
    return path.join(folder, name);
  }
  const SHARDS = ["group1-shard1of2.bin", "group1-shard2of2.bin"];

  test("are named by model.json or by their directory; inspect lists them", async () => {
    const model = await writeModel("model.json", SHARDS);
    for (const spec of [model, folder]) {
      const found = await resolveSource(spec);
      expect(found).toEqual({ path: model, name: spec });
      expect(await valuesOf(found.path)).toEqual(values);
      expect(await inspectFile(spec)).toMatchObject({
        format: "TensorFlow.js",
        values: 6,
        tensors: [{ name: "a/kernel" }, { name: "a/bias" }],
      });
    }
    const other = await writeModel("other.json", SHARDS);
    expect(await valuesOf(other)).toEqual(values);
  });

  test("have the hash of all their files, as sha256sum lists them", async () => {
    const model = await writeModel("model.json", SHARDS);
    const hash = async (file: string) => sha256Hex(await readFile(path.join(folder, file)));
    const lines = await Promise.all([...SHARDS, "model.json"].map(async (name) => `${await hash(name)}  ${name}\n`));
    expect((await digestWeights(model)).sha256).toBe(sha256Hex(new TextEncoder().encode(lines.join(""))));
  });

  test("open no file outside of their directory", async () => {
    const model = await writeModel("model.json", ["../secret.bin"]);
    await expect(openWeights(model)).rejects.toMatchObject({
      code: "FILE_UNSAFE",
      message: `Cannot read TensorFlow.js model "${model}": the path of a shard is "../secret.bin", expected the name of a file in the same directory`,
    });
  });
});

describe("TensorFlow checkpoints on disk", () => {
  const values = VARIABLES.map((item) => [item.name, [...item.values]]);

  test.each([1, 2])("of %i data files, named without an ending, by the index, or by their folder", async (shards) => {
    await writeBundle(shards);
    const index = path.join(folder, `${PREFIX}.index`);
    for (const spec of [path.join(folder, PREFIX), index, folder]) {
      const found = await resolveSource(spec);
      expect(found).toEqual({ path: index, name: spec });
      expect(await valuesOf(found.path)).toEqual(values);
      expect(await inspectFile(spec)).toMatchObject({
        format: "TensorFlow checkpoint",
        values: 20,
        tensors: [{ name: "a/biases" }, { name: "a/weights" }],
      });
    }
  });

  test("of version 1 are one file", async () => {
    const file = path.join(folder, "inception_v3.ckpt");
    await writeFile(file, sliceFile(VARIABLES));
    expect(await valuesOf(file)).toEqual(values);
  });

  test("whose data files are missing are refused by name", async () => {
    await writeBundle(2);
    await rm(path.join(folder, `${PREFIX}.data-00001-of-00002`));
    const missing = path.join(folder, `${PREFIX}.data-00001-of-00002`);
    await expect(openWeights(path.join(folder, `${PREFIX}.index`))).rejects.toMatchObject({
      code: "FILE_NOT_FOUND",
      message: `Cannot open "${missing}": no such file or directory`,
    });
  });

  test("their hash is that of the list of their files", async () => {
    await writeBundle(1);
    const { index, data } = bundle(VARIABLES);
    const [[ending, bytes] = ["", new Uint8Array(0)]] = [...data];
    const list = `${sha256Hex(bytes)}  ${PREFIX}${ending}\n${sha256Hex(index)}  ${PREFIX}.index\n`;
    const hash = sha256Hex(new TextEncoder().encode(list));
    expect((await digestWeights(path.join(folder, `${PREFIX}.index`))).sha256).toBe(hash);
    const pinned = await resolveSource(`file://${folder}/${PREFIX}#sha256=${hash}`);
    expect(pinned.sha256).toBe(hash);
  });

  test("that change after they were hashed are refused, also in a file beside the first", async () => {
    await writeBundle(1);
    const where = path.join(folder, `${PREFIX}.index`);
    const content = await digestWeights(where);
    const { file, close } = await openWeights(where, content);
    const [, data = ""] = [...content.files.keys()].sort().reverse();
    const bytes = await readFile(data);
    bytes[0] = (bytes[0] ?? 0) ^ 1;
    await writeFile(data, bytes);
    const reads = [...file.tensors.values()].map((tensor) => tensor.read());
    const outcomes = await Promise.allSettled(reads);
    expect(outcomes.flatMap((outcome) => (outcome.status === "rejected" ? [String(outcome.reason)] : []))[0]).toBe(
      `InceptionError: Cannot use "${data}": it changed while it was read`,
    );
    await close();
    const another = path.join(folder, "another.npy");
    await writeFile(another, encodeNpy({ dtype: "float32", shape: [1], data: Float32Array.of(1) }));
    const foreign = openWeights(another, content);
    await expect(foreign).rejects.toThrow(`Cannot use "${another}": it is not one of the verified files`);
  });
});

describe("folders of .npy files", () => {
  beforeEach(async () => {
    await mkdir(path.join(folder, "layer"));
    await writeFile(path.join(folder, "layer", "kernel.npy"), encodeNpy({ dtype: "float32", shape: [2, 1], data: Float32Array.of(1, 2) }));
    await writeFile(path.join(folder, "steps.npy"), encodeNpy({ dtype: "int64", shape: [], data: BigInt64Array.of(5n) }));
    await writeFile(path.join(folder, "README.md"), "what this is");
  });

  test("are read under the paths of their files", async () => {
    expect(await findWeights(folder)).toBe(folder);
    expect(await valuesOf(folder)).toEqual([
      ["layer/kernel", [1, 2]],
      ["steps", [5]],
    ]);
    expect(await inspectFile(folder)).toMatchObject({
      format: "NumPy folder",
      values: 3,
      tensors: [{ name: "layer/kernel", shape: [2, 1] }, { name: "steps" }],
    });
    expect((await digestWeights(folder)).sha256).toMatch(/^[0-9a-f]{64}$/);
  });

  test("a file in it that is none is refused by its name", async () => {
    const broken = path.join(folder, "broken.npy");
    await writeFile(broken, "no array");
    await expect(openWeights(folder)).rejects.toMatchObject({
      code: "FILE_UNRECOGNIZED",
      message: `Cannot read NumPy file "${broken}": it does not start with NumPy's magic bytes`,
    });
  });
});

test("folders of something else, and paths to nothing, are no weights", async () => {
  await writeFile(path.join(folder, "README.md"), "nothing");
  expect(await findWeights(folder)).toBeNull();
  expect(await findWeights(path.join(folder, "none"))).toBeNull();
  await expect(openWeights(folder)).rejects.toMatchObject({
    code: "SOURCE_INVALID",
    message: `Cannot read weights from "${folder}": it is a directory without .npy files`,
  });
});
