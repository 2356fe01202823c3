import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { libraryArrays, libraryFile } from "../../../test/h5wasm-files.js";
import { sharedPath, titleNeeding } from "../../../test/shared.js";
import { bytesSource } from "../byte-source.js";
import { type Hdf5Array, readHdf5 } from "./hdf5.js";

const counting = (length: number): Float32Array => Float32Array.from({ length }, (_, i) => i);

async function contents(bytes: Uint8Array) {
  const arrays = await readHdf5(bytesSource("x.h5", bytes));
  return Promise.all(
    arrays.map(async ({ path, dtype, shape, read }) => ({ path, dtype, shape, values: Array.from(await read(), Number) })),
  );
}

/** A message by its pattern. */
function matching(pattern: RegExp): unknown {
  return expect.stringMatching(pattern);
}

function failure(code: string, fact: string): unknown {
  return expect.objectContaining({ code, message: `Cannot read HDF5 file "x.h5": ${fact}` });
}

describe("what the HDF5 library wrote", () => {
  test("groups in groups, element types, scalars, empty and compact arrays; texts are left out", async () => {
    const bytes = await libraryFile((file) => {
      const layer = file.create_group("model_weights").create_group("conv2d_1");
      layer.create_attribute("weight_names", ["conv2d_1/kernel:0"]);
      layer.create_group("conv2d_1").create_dataset({ name: "kernel:0", data: counting(24), shape: [1, 2, 3, 4] });
      file.create_dataset({ name: "doubles", data: Float64Array.of(0.1, -1e300) });
      file.create_dataset({ name: "longs", data: BigInt64Array.of(-5n, 2n ** 40n) });
      file.create_dataset({ name: "bytes", data: Uint8Array.of(0, 255) });
      file.create_dataset({ name: "shorts", data: Int16Array.of(-1, 2) });
      file.create_dataset({ name: "scalar", data: 7, shape: [], dtype: "<f" });
      file.create_dataset({ name: "none", data: new Float32Array(0), shape: [0, 3] });
      file.create_dataset({ name: "text", data: ["not", "a number"] });
    });
    expect(await contents(bytes)).toEqual([
      { path: "bytes", dtype: "uint8", shape: [2], values: [0, 255] },
      { path: "doubles", dtype: "float64", shape: [2], values: [0.1, -1e300] },
      { path: "longs", dtype: "int64", shape: [2], values: [-5, 2 ** 40] },
      { path: "model_weights/conv2d_1/conv2d_1/kernel:0", dtype: "float32", shape: [1, 2, 3, 4], values: [...counting(24)] },
      { path: "none", dtype: "float32", shape: [0, 3], values: [] },
      { path: "scalar", dtype: "float32", shape: [], values: [7] },
      { path: "shorts", dtype: "int16", shape: [2], values: [-1, 2] },
    ]);
  });

  test("a group of so many members that its tree has levels", async () => {
    const names = Array.from({ length: 600 }, (_, i) => `layer_${String(i).padStart(4, "0")}`);
    const bytes = await libraryFile((file) => {
      for (const [i, name] of names.entries()) file.create_dataset({ name, data: Float32Array.of(i) });
    });
    const found = await contents(bytes);
    expect(found.map(({ path }) => path)).toEqual(names);
    expect(found.map(({ values }) => values[0])).toEqual(names.map((_, i) => i));
  });

  test("chunks, packed and not, that do not fill the array evenly", async () => {
    const bytes = await libraryFile((file) => {
      const array = { data: counting(7 * 5 * 3), shape: [7, 5, 3], chunks: [4, 2, 3] };
      file.create_dataset({ name: "packed", ...array, compression: "gzip", compression_opts: 6 });
      file.create_dataset({ name: "plain", ...array });
      file.create_dataset({ name: "vector", data: counting(1000), chunks: [7] });
    });
    const found = await contents(bytes);
    expect(found.map(({ path, shape }) => [path, shape])).toEqual([
      ["packed", [7, 5, 3]],
      ["plain", [7, 5, 3]],
      ["vector", [1000]],
    ]);
    expect(found.map(({ values }) => values)).toEqual([[...counting(105)], [...counting(105)], [...counting(1000)]]);
  });

  test("headers and groups of its newest layout", async () => {
    const fill = (file: Parameters<Parameters<typeof libraryFile>[0]>[0]) => {
      file.create_group("a").create_dataset({ name: "w", data: counting(6), shape: [2, 3] });
    };
    expect(await contents(await libraryFile(fill, { libver: "latest" }))).toEqual([
      { path: "a/w", dtype: "float32", shape: [2, 3], values: [...counting(6)] },
    ]);
  });
});

describe("parts of the format that are refused", () => {
  test.each([
    [
      "chunks of the newest layout",
      "FILE_UNSUPPORTED",
      /^message at byte \d+ has chunks with an index of libver="latest", which is not supported; save with the defaults of h5py$/,
      (file: LibFile) => file.create_dataset({ name: "w", data: counting(4), chunks: [2], compression: "gzip" }),
    ],
    [
      "a group with a heap of links",
      "FILE_UNSUPPORTED",
      /^message at byte \d+ belongs to a group with a fractal heap \(libver="latest" or track_order\), which is not supported; save with the defaults of h5py$/,
      (file: LibFile) => {
        for (let i = 0; i < 20; i++) file.create_dataset({ name: `w${i}`, data: counting(1) });
      },
    ],
    [
      "a link by path",
      "FILE_UNSUPPORTED",
      /^message at byte \d+ is a symbolic or external link, which is not supported$/,
      (file: LibFile) => file.create_soft_link("/a", "b"),
    ],
    [
      "a link to another file",
      "FILE_UNSUPPORTED",
      /^message at byte \d+ is a symbolic or external link, which is not supported$/,
      (file: LibFile) => file.create_external_link("/etc/passwd", "/a", "b"),
    ],
  ])("%s", async (_, code, fact, fill) => {
    const bytes = await libraryFile((file) => void fill(file), { libver: "latest" });
    const thrown: unknown = await contents(bytes).catch((error: unknown) => error);
    expect(thrown).toMatchObject({ code });
    expect(String(thrown).replace('InceptionError: Cannot read HDF5 file "x.h5": ', "")).toMatch(fact);
  });

  test("links by path in the old layout, big-endian numbers", async () => {
    const linked = await libraryFile((file) => void file.create_soft_link("/a", "b"));
    await expect(contents(linked)).rejects.toMatchObject({
      code: "FILE_UNSUPPORTED",
      message: matching(/ is a symbolic or external link, which is not supported$/),
    });
    // A float32's type: class 1 of version 1, then bits, the lowest of which says big-endian.
    const big = Uint8Array.from(await libraryFile((file) => void file.create_dataset({ name: "w", data: counting(2) })));
    big[Buffer.from(big).indexOf(Uint8Array.of(0x11, 0x20, 0x1f, 0, 4, 0, 0, 0)) + 1] = 0x21;
    await expect(contents(big)).rejects.toMatchObject({
      code: "FILE_UNSUPPORTED",
      message: matching(/ is a big-endian type, only little-endian types are supported$/),
    });
  });
});

type LibFile = Parameters<Parameters<typeof libraryFile>[0]>[0];

describe("crafted files", () => {
  let small: Uint8Array;
  beforeAll(async () => {
    small = await libraryFile((file) => void file.create_group("a").create_dataset({ name: "w", data: counting(6), shape: [2, 3] }));
  });

  /** A copy of the file with other bytes at an offset. */
  const changed = (at: number, ...values: readonly number[]): Uint8Array => {
    const bytes = Uint8Array.from(small);
    bytes.set(values, at);
    return bytes;
  };
  const find = (bytes: Uint8Array, text: string): number => Buffer.from(bytes).indexOf(text);

  test("a group that contains itself", async () => {
    // The root's header is at 96; the first symbol of the root's node is the group "a", its header's address 8 bytes on.
    const symbol = find(small, "SNOD") + 8;
    await expect(contents(changed(symbol + 8, 96, 0, 0, 0, 0, 0, 0, 0))).rejects.toEqual(
      failure("FILE_CORRUPT", "a group contains itself, at byte 96"),
    );
  });

  test("a tree that contains itself", async () => {
    const tree = find(small, "TREE");
    const level = changed(tree + 5, 1);
    // The first child is behind two siblings and a key, of 8 bytes each.
    new DataView(level.buffer).setBigUint64(tree + 8 + 24, BigInt(tree), true);
    await expect(contents(level)).rejects.toEqual(failure("FILE_LIMIT", `node at byte ${tree} is 17 levels deep, the limit is 16`));
  });

  test("numbers that are too wide, versions that are not known, files cut off", async () => {
    await expect(contents(changed(13, 3))).rejects.toEqual(
      failure("FILE_CORRUPT", "superblock at byte 0 has addresses or lengths of 3 bytes, expected 2, 4 or 8"),
    );
    await expect(contents(changed(8, 9))).rejects.toEqual(
      failure("FILE_UNSUPPORTED", "superblock at byte 0 has version 9, supported are 0 and 1 and 2 and 3"),
    );
    await expect(contents(small.subarray(0, -1))).rejects.toEqual(
      failure("FILE_TRUNCATED", `it should have ${small.length} bytes, it has ${small.length - 1}`),
    );
    await expect(contents(small.subarray(0, 20))).rejects.toEqual(
      failure("FILE_CORRUPT", "superblock at byte 0 needs 8 bytes at its byte 24, it has 20"),
    );
  });

  test("an array of more than eight times the file", async () => {
    // The dimensions [2, 3] stand twice, as sizes and as largest sizes.
    const dims = Buffer.from(small).indexOf(Uint8Array.of(2, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0));
    await expect(contents(changed(dims + 3, 1))).rejects.toMatchObject({
      code: "FILE_CORRUPT",
      message: matching(/^Cannot read HDF5 file "x.h5": message at byte \d+ contains 24 bytes, its shape and type need 201326616$/),
    });
  });
});

describe("real files of Keras", () => {
  const folder = "data/model_formats";
  const found = sharedPath(folder);
  test.skipIf(!found)(titleNeeding("mnist_cnn.h5 has what the HDF5 library reads", found, folder), async () => {
    const file = `${found}/mnist_cnn.h5`;
    const [ours, theirs] = [await contents(readFileSync(file)), await libraryArrays(file)];
    const byPath = (a: { readonly path: string }, b: { readonly path: string }) => (a.path < b.path ? -1 : 1);
    const names: Readonly<Record<string, string>> = { '"<f"': "float32", '"<q"': "int64" };
    expect([...ours].sort(byPath)).toEqual([...theirs].sort(byPath).map((array) => ({ ...array, dtype: names[array.dtype] })));
    expect(ours.length).toBe(8);
  });
});

test("reading one array reads no other", async () => {
  const bytes = await libraryFile((file) => {
    file.create_dataset({ name: "a", data: counting(4096) });
    file.create_dataset({ name: "b", data: counting(4096) });
  });
  const source = bytesSource("x.h5", bytes);
  let most = 0;
  const watched = {
    ...source,
    read: async (offset: number, length: number) => {
      most = Math.max(most, length);
      return source.read(offset, length);
    },
  };
  const [a]: readonly (Hdf5Array | undefined)[] = await readHdf5(watched);
  expect(most).toBeLessThan(4096);
  await a?.read();
  expect(most).toBe(4 * 4096);
});
