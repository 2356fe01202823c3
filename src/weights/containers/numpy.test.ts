import { deflateRawSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { zipFile } from "../../../test/weight-fixtures.js";
import { bytesSource } from "../../formats/byte-source.js";
import { encodeNpy } from "../../formats/npy.js";
import type { Tensor } from "../../tensor/tensor.js";
import { openWeightFile } from "./index.js";

const kernel: Tensor = { dtype: "float32", shape: [2, 3], data: Float32Array.of(0, 1, 2, 3, 4, 5) };
const steps: Tensor = { dtype: "int64", shape: [], data: BigInt64Array.of(9n) };

const packed = (bytes: Uint8Array) => ({ bytes: deflateRawSync(bytes), method: 8, size: bytes.length });
const open = (bytes: Uint8Array) => openWeightFile(bytesSource("x.npz", bytes));

describe(".npz", () => {
  test.each([
    ["savez, which stores", (name: string, bytes: Uint8Array) => ({ name, bytes })],
    ["savez_compressed, which deflates", (name: string, bytes: Uint8Array) => ({ name, ...packed(bytes) })],
  ])("of %s", async (_, part) => {
    const file = await open(
      zipFile([part("layer/kernel.npy", encodeNpy(kernel)), part("steps.npy", encodeNpy(steps)), part("notes.txt", Uint8Array.of(1))]),
    );
    expect(file.format).toBe("NumPy archive");
    expect([...file.tensors.keys()]).toEqual(["layer/kernel", "steps"]);
    expect(await file.tensors.get("layer/kernel")?.read()).toEqual(kernel);
    expect(await file.tensors.get("steps")?.read()).toEqual(steps);
  });

  const BOMB = zipFile([{ name: "a.npy", ...packed(encodeNpy({ dtype: "uint8", shape: [1_000_000], data: new Uint8Array(1_000_000) })) }]);
  const whole = encodeNpy(kernel);
  const cut = { name: "a.npy", ...packed(whole), size: whole.length + 1 };
  const longer = { name: "a.npy", ...packed(whole), size: whole.length - 1 };
  const broken = { name: "a.npy", bytes: Uint8Array.of(7, 7, 7, 7), method: 8, size: 20 };
  test.each([
    [
      "a bomb",
      BOMB,
      "FILE_LIMIT",
      `Cannot read zip file "x.npz": its arrays decode to 1,000,128 bytes, the limit is 8 times the file size of ${BOMB.length.toLocaleString("en-US")}; save with numpy.savez, which does not compress`,
    ],
    [
      "less than declared",
      zipFile([cut]),
      "FILE_CORRUPT",
      `Cannot decode entry "a.npy" of "x.npz": it contains ${whole.length} bytes, expected ${whole.length + 1}`,
    ],
    [
      "more than declared",
      zipFile([longer]),
      "FILE_CORRUPT",
      `Cannot decode entry "a.npy" of "x.npz": it contains more bytes, expected ${whole.length - 1}`,
    ],
    ["broken bytes", zipFile([broken]), "FILE_CORRUPT", 'Cannot decode entry "a.npy" of "x.npz": invalid block type'],
    [
      "another compression",
      zipFile([{ name: "a.npy", bytes: whole, method: 93 }]),
      "FILE_UNSUPPORTED",
      'Cannot read zip file "x.npz": entry "a.npy" is compressed with method 93, only entries that are stored or deflated are supported',
    ],
    [
      "pickled objects",
      zipFile([
        {
          name: "a.npy",
          bytes: encodeNpy(kernel).map((byte, i, all) =>
            all[i - 1] === 0x27 && byte === 0x3c ? 0x7c : byte === 0x66 && all[i - 1] === 0x3c ? 0x4f : byte,
          ),
        },
      ]),
      "FILE_UNSAFE",
      'Cannot read NumPy file "x.npz/a.npy": it contains pickled Python objects, which are never loaded; save plain arrays, as safetensors or one .npy each',
    ],
  ])("refuses %s", async (_, bytes, code, message) => {
    await expect(open(bytes)).rejects.toMatchObject({ code, message });
  });
});
