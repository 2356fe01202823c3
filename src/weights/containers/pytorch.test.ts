import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it, test } from "vitest";
import { goldenPath, sharedPath, titleNeeding } from "../../../test/shared.js";
import { legacyFile, pickle, storageId, zipCheckpoint } from "../../../test/weight-fixtures.js";
import { bytesSource } from "../../formats/byte-source.js";
import { bfloat16ToFloat32, float16ToFloat32 } from "../../tensor/float16.js";
import type { Tensor } from "../../tensor/tensor.js";
import { openWeightFile } from "./index.js";
import { pytorch } from "./pytorch.js";

interface GoldenFile {
  readonly file: string;
  readonly format: "zip" | "legacy";
  readonly content: readonly { readonly key: string; readonly shape: number[]; readonly dtype: string; readonly data: number[] }[];
}

// Our own golden, not a stranger's file.
const MANIFEST = JSON.parse(readFileSync(goldenPath("pth/manifest.json"), "utf8")) as { readonly files: readonly GoldenFile[] };

function fileSource(file: string) {
  return bytesSource(path.basename(file), readFileSync(file));
}

/** Values as the manifest has them: 16-bit floats widened, 64-bit integers as numbers. */
function plainValues({ dtype, data }: Tensor): number[] {
  if (dtype === "float16" && data instanceof Uint16Array) return Array.from(float16ToFloat32(data));
  if (dtype === "bfloat16" && data instanceof Uint16Array) return Array.from(bfloat16ToFloat32(data));
  return Array.from(data, Number);
}

/** The manifest prints single precision with nine digits; both sides go to the nearest float32 before they are compared. */
function rounded(dtype: string, values: readonly number[]): number[] {
  return dtype === "float64" || dtype.includes("int") || dtype === "bool" ? [...values] : values.map(Math.fround);
}

describe.each(MANIFEST.files)("$file, written by torch.save", ({ file, format, content }) => {
  it("gives every tensor with its type, shape and values", async () => {
    const weights = await openWeightFile(fileSource(goldenPath(`pth/${file}`)));
    const prefix = weights.metadata["pytorch.stripped"] ?? "";
    expect(weights.format).toBe("PyTorch");
    expect(weights.metadata["pytorch.layout"]).toBe(format);
    expect([...weights.tensors.keys()].map((name) => prefix + name)).toEqual(content.map(({ key }) => key));
    for (const { key, shape, dtype, data } of content) {
      const tensor = await weights.tensors.get(key.slice(prefix.length))?.read();
      if (tensor === undefined) throw new Error(`no ${key}`);
      expect({ key, dtype: tensor.dtype, shape: tensor.shape }).toEqual({ key, dtype, shape });
      expect(rounded(dtype, plainValues(tensor))).toEqual(rounded(dtype, data));
    }
  });
});

test("a checkpoint's wrapper and parallel prefix are dropped and noted", async () => {
  for (const format of ["zip", "legacy"]) {
    const { metadata } = await openWeightFile(fileSource(goldenPath(`pth/tiny_checkpoint.${format}.pth`)));
    expect(metadata).toEqual({ "pytorch.layout": format, "pytorch.unwrapped": "state_dict", "pytorch.stripped": "module." });
  }
});

describe("real checkpoints", () => {
  const folder = sharedPath("data/model_formats");
  const listing = folder === null ? "" : readFileSync(path.join(folder, "tensors.txt"), "utf8");

  it.skipIf(folder === null).each(["facenet_pytorch_pnet.pt", "facenet_pytorch_onet.pt"])(
    titleNeeding("%s has the names, types and shapes that PyTorch printed", folder, "data/model_formats"),
    async (file) => {
      const lines = listing.split(`# ${file}`)[1]?.split("\n#")[0]?.trim().split("\n").slice(1);
      const weights = await openWeightFile(fileSource(path.join(folder ?? "", file)));
      const printed = [...weights.tensors.values()].map(({ name, dtype, shape }) => `${name} torch.${dtype} [${shape.join(", ")}]`);
      expect(printed).toEqual(lines);
      for (const entry of weights.tensors.values())
        expect((await entry.read()).data.every((value) => Number.isFinite(Number(value)))).toBe(true);
    },
  );

  it.skipIf(folder === null)(titleNeeding("digits_torch.pt, a zip, opens", folder, "data/model_formats"), async () => {
    const weights = await openWeightFile(fileSource(path.join(folder ?? "", "digits_torch.pt")));
    expect(weights.tensors.size).toBe(16);
    for (const entry of weights.tensors.values()) {
      const { data } = await entry.read();
      expect(data.length).toBe(entry.shape.reduce((product, dim) => product * dim, 1));
    }
  });

  const facenet = sharedPath("data/facenet_vggface2/20180402-114759-vggface2-fp16.pt");
  it.skipIf(facenet === null)(titleNeeding("a half-precision Inception-ResNet-v1 opens", facenet, "data/facenet_vggface2"), async () => {
    const weights = await openWeightFile(fileSource(facenet ?? ""));
    const entries = [...weights.tensors.values()];
    // One storage each: the archive has 714 of them by Python's zipfile.
    expect(entries.length).toBe(714);
    expect(new Set(entries.map(({ dtype }) => dtype))).toEqual(new Set(["float16", "int64"]));
    const kernel = await weights.tensors.get("conv2d_1a.conv.weight")?.read();
    expect(kernel?.shape).toEqual([32, 3, 3, 3]);
  });
});

describe("layouts that torch.save may write", () => {
  const values = Float32Array.from({ length: 6 }, (_, index) => index + 0.5);
  const tensor = (shape: number[], strides: number[], offset = 0, rebuild = "_rebuild_tensor_v2") =>
    pickle.call("torch._utils", rebuild, [storageId("FloatStorage", "0", 6), offset, shape, strides]);
  const zip = (root: unknown, storages: Readonly<Record<string, Uint8Array>> = { "0": new Uint8Array(values.buffer) }) =>
    bytesSource("x.pt", zipCheckpoint(pickle.dump(root), storages));

  it("reads nested dicts, lists and Parameters under their key path", async () => {
    const root = {
      net: { a: tensor([6], [1]) },
      list: [tensor([2], [3], 1)],
      parameter: pickle.call("torch._utils", "_rebuild_parameter", [tensor([3, 2], [1, 3]), true, null]),
      epoch: 7,
    };
    const { tensors } = await pytorch.open(zip(root));
    expect([...tensors.keys()]).toEqual(["net.a", "list.0", "parameter"]);
    expect((await tensors.get("list.0")?.read())?.data).toEqual(Float32Array.of(1.5, 4.5));
    expect((await tensors.get("parameter")?.read())?.data).toEqual(Float32Array.of(0.5, 3.5, 1.5, 4.5, 2.5, 5.5));
  });

  it("reads what PyTorch before 0.4 wrote", async () => {
    const pairs = pickle.call("collections", "OrderedDict", [[["w", tensor([2, 3], [3, 1], 0, "_rebuild_tensor")]]]);
    const { tensors } = await pytorch.open(zip(pairs));
    expect((await tensors.get("w")?.read())?.data).toEqual(values);
  });

  it("keeps every name where two wrappers compete", async () => {
    const { tensors, metadata } = await pytorch.open(zip({ model: { w: tensor([6], [1]) }, state_dict: { w: tensor([6], [1]) } }));
    expect([...tensors.keys()]).toEqual(["model.w", "state_dict.w"]);
    expect(metadata).toEqual({ "pytorch.layout": "zip" });
  });

  it("keeps names that mean something to JavaScript objects", async () => {
    const { tensors } = await pytorch.open(zip(new Map([["__proto__", new Map([["constructor", tensor([6], [1])]])]])));
    expect([...tensors.keys()]).toEqual(["__proto__.constructor"]);
  });

  it("reads scalars and empty tensors without touching the storage behind them", async () => {
    const { tensors } = await pytorch.open(zip({ scalar: tensor([], [], 5), empty: tensor([0, 4], [4, 1], 6) }));
    expect(await tensors.get("scalar")?.read()).toEqual({ dtype: "float32", shape: [], data: Float32Array.of(5.5) });
    expect(await tensors.get("empty")?.read()).toEqual({ dtype: "float32", shape: [0, 4], data: new Float32Array(0) });
  });

  it("reads a legacy file as the zip", async () => {
    const source = bytesSource("x.pt", legacyFile(pickle.dump({ w: tensor([3, 2], [1, 3]) }), [["0", 6, new Uint8Array(values.buffer)]]));
    const { tensors, metadata } = await openWeightFile(source);
    expect(metadata).toEqual({ "pytorch.layout": "legacy" });
    expect((await tensors.get("w")?.read())?.data).toEqual(Float32Array.of(0.5, 3.5, 1.5, 4.5, 2.5, 5.5));
  });

  it.each<[string, unknown, string, string]>([
    [
      "a bare tensor",
      tensor([6], [1]),
      "FILE_UNSUPPORTED",
      'Cannot read PyTorch file "x.pt": it contains no dict of named tensors; save model.state_dict()',
    ],
    ["no tensors", { epoch: 1 }, "FILE_UNSUPPORTED", 'Cannot read PyTorch file "x.pt": it contains no tensors; save model.state_dict()'],
    [
      "a view behind the storage's end",
      { w: tensor([2, 3], [3, 1], 1) },
      "FILE_CORRUPT",
      'Cannot read tensor "w" of "x.pt": float32 [2, 3] ends at element 7 of storage "0", which has 6',
    ],
    [
      "an expanded tensor",
      { w: tensor([1_000_000, 6], [0, 1]) },
      "FILE_UNSUPPORTED",
      'Cannot read tensor "w" of "x.pt": float32 [1000000, 6] repeats elements of a storage of 6; call contiguous() before saving',
    ],
    [
      "more elements than numbers can count",
      { w: tensor([2 ** 31 - 1, 2 ** 31 - 1], [0, 0]) },
      "FILE_CORRUPT",
      'Cannot read tensor "w" of "x.pt": float32 [2147483647, 2147483647] has 2^53 elements or more',
    ],
    [
      "a negative size",
      { w: tensor([-1], [1]) },
      "FILE_CORRUPT",
      'Cannot read tensor "w" of "x.pt": offset, size and stride must be integers in [0, 2^53), as many of size as of stride, at most 64',
    ],
    [
      "two names that join to one",
      { "a.b": tensor([6], [1]), a: { b: tensor([6], [1]) } },
      "FILE_CORRUPT",
      'Cannot read tensor "a.b" of "x.pt": another tensor has the same name',
    ],
    [
      "an endless name",
      { ["n".repeat(2000)]: tensor([6], [1]) },
      "FILE_LIMIT",
      `Cannot read PyTorch file "x.pt": the name of tensor "${"n".repeat(200)}..." is longer than 1024 characters`,
    ],
    [
      "a storage that is missing",
      { w: pickle.call("torch._utils", "_rebuild_tensor_v2", [storageId("FloatStorage", "7", 6), 0, [6], [1]]) },
      "FILE_CORRUPT",
      'Cannot read tensor "w" of "x.pt": storage "7" is not in the archive',
    ],
    [
      "a storage of another length",
      { w: pickle.call("torch._utils", "_rebuild_tensor_v2", [storageId("DoubleStorage", "0", 6), 0, [6], [1]]) },
      "FILE_CORRUPT",
      'Cannot read tensor "w" of "x.pt": storage "0" of 6 float64 needs 48 bytes, its entry has 24',
    ],
    [
      "a storage that is none",
      { w: pickle.call("torch._utils", "_rebuild_tensor_v2", [1, 0, [6], [1]]) },
      "FILE_CORRUPT",
      'Cannot read tensor "w" of "x.pt": a storage is not given as ("storage", class, key, device, element count)',
    ],
  ])("refuses %s", async (_, root, code, message) => {
    await expect(pytorch.open(zip(root))).rejects.toMatchObject({ code, message });
  });

  it("bounds the memory that views of one storage take together", async () => {
    const big = pickle.call("torch._utils", "_rebuild_tensor_v2", [storageId("ByteStorage", "0", 20_000), 0, [20_000], [1]]);
    const root = Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`w${index}`, pickle.get(0)]));
    // The first refers to memo 0, which the others then recall.
    const source = zip({ first: pickle.put(big, 0), ...root }, { "0": new Uint8Array(20_000) });
    await expect(pytorch.open(source)).rejects.toMatchObject({
      code: "FILE_LIMIT",
      message: `Cannot read PyTorch file "x.pt": its tensors take 6,020,000 bytes, the limit is 8 times the file size of ${source.size.toLocaleString("en-US")}`,
    });
  });

  it.each([
    ["byteorder", "big", 'Cannot read PyTorch file "x.pt": its byte order is "big", only "little" is supported'],
    [
      "constants.pkl",
      "",
      'Cannot read PyTorch file "x.pt": it is a TorchScript archive, which contains code; save model.state_dict() with torch.save',
    ],
  ])("refuses an archive with %s", async (entry, text, message) => {
    const bytes = zipCheckpoint(pickle.dump({}), {}, { [entry]: new TextEncoder().encode(text) });
    await expect(pytorch.open(bytesSource("x.pt", bytes))).rejects.toMatchObject({ code: "FILE_UNSUPPORTED", message });
  });

  it.each<[string, [string, number, Uint8Array][], string, string]>([
    ["a storage cut off", [["0", 6, new Uint8Array(20)]], "FILE_TRUNCATED", 'storage "0" ends at byte'],
    ["another element count", [["0", 5, new Uint8Array(24)]], "FILE_CORRUPT", 'storage "0" has 5 elements at byte'],
    [
      "a storage nobody refers to",
      [
        ["0", 6, new Uint8Array(24)],
        ["1", 6, new Uint8Array(24)],
      ],
      "FILE_CORRUPT",
      'storage "1" is listed but never referred to',
    ],
    ["bytes behind the last storage", [["0", 6, new Uint8Array(30)]], "FILE_CORRUPT", "its storages end at byte"],
    ["a storage that is not listed", [], "FILE_CORRUPT", ""],
  ])("refuses a legacy file with %s", async (_, storages, code, fact) => {
    const file = legacyFile(pickle.dump({ w: tensor([6], [1]) }), storages);
    const error: unknown = await pytorch.open(bytesSource("x.pt", file)).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code });
    expect(String(error)).toContain(fact);
  });
});
