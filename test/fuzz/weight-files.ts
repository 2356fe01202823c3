/** Small weight files of every container, whole. */
import { readFileSync } from "node:fs";
import { deflateRawSync } from "node:zlib";
import { bytesSource } from "../../src/formats/byte-source.js";
import { encodeNpy } from "../../src/formats/npy.js";
import { encodeSafetensors } from "../../src/formats/safetensors.js";
import { openWeightFile } from "../../src/weights/containers/index.js";
import { type Bundled, besideSource } from "../beside-source.js";
import { libraryFile } from "../h5wasm-files.js";
import { goldenPath } from "../shared.js";
import { bundle, frozen, sliceFile, variable } from "../tensorflow-files.js";
import { concat, zipFile } from "../weight-fixtures.js";

/** What the readers promise: tensors may share memory, but take no more than this many times the file. */
export const MAX_SHARING = 8;

/** Open a file and read every tensor; the bytes of all of them. */
export async function readWhole(bytes: Uint8Array, data: Bundled["data"] | null = null): Promise<number> {
  const source = data === null ? bytesSource("x", bytes) : besideSource("x.index", { index: bytes, data });
  const { tensors } = await openWeightFile(source);
  let total = 0;
  for (const entry of tensors.values()) total += (await entry.read()).data.byteLength;
  return total;
}

const GOLDENS = ["tiny_state_dict", "tiny_checkpoint", "tiny_odd_tensors"].flatMap((name) => [`${name}.zip.pth`, `${name}.legacy.pth`]);

function smallSafetensors(): Uint8Array {
  const parts = encodeSafetensors(
    [
      ["conv.weight", { dtype: "float32", shape: [2, 3], data: new Float32Array(6) }],
      ["steps", { dtype: "int64", shape: [], data: BigInt64Array.of(3n) }],
      ["half", { dtype: "float16", shape: [5], data: new Uint16Array(5) }],
    ],
    { format: "pt" },
  );
  return concat(parts.header, ...parts.chunks);
}

/** A file that is whole, and the data files beside it, if it has any. */
export type ValidFile = readonly [name: string, bytes: Uint8Array, data: Bundled["data"] | null];

const VARIABLES = [variable("a/weights", 3, 3, 2, 4), variable("a/biases", 4), variable("global_step")];

/** A TensorFlow.js model: what `index` states is in two shards. */
const TFJS: Bundled = {
  index: new TextEncoder().encode(
    JSON.stringify({
      weightsManifest: [
        {
          paths: ["a.bin", "b.bin"],
          weights: [
            { name: "conv2d_1/kernel", shape: [3, 3, 3, 2], dtype: "float32", quantization: { dtype: "uint8", scale: 0.5, min: -2 } },
            { name: "conv2d_1/bias", shape: [2], dtype: "float32", quantization: { dtype: "float16" } },
            { name: "steps", shape: [], dtype: "int32" },
          ],
        },
      ],
    }),
  ),
  data: new Map([
    ["a.bin", new Uint8Array(33)],
    ["b.bin", new Uint8Array(29)],
  ]),
};

/** Formats in which a part of a file is never a whole file. */
export async function smallWeightFiles(): Promise<readonly ValidFile[]> {
  const { index, data } = bundle(VARIABLES);
  const array = encodeNpy({ dtype: "float32", shape: [5, 7], data: Float32Array.from({ length: 35 }, Math.cos) });
  const hdf5 = await smallHdf5();
  return [
    ...GOLDENS.map((name) => [name, Uint8Array.from(readFileSync(goldenPath(`pth/${name}`))), null] as const),
    ["small.safetensors", smallSafetensors(), null],
    ["small.h5", hdf5, null],
    [
      "small.keras",
      zipFile([
        { name: "config.json", bytes: Uint8Array.of(0x7b, 0x7d) },
        { name: "model.weights.h5", bytes: hdf5 },
      ]),
      null,
    ],
    ["small.ckpt", sliceFile(VARIABLES), null],
    ["snappy.ckpt", sliceFile(VARIABLES, { compression: 1, perBlock: 2 }), null],
    ["small.index", index, data],
    ["model.json", TFJS.index, TFJS.data],
    [
      "small.npz",
      zipFile([
        { name: "a.npy", bytes: array },
        { name: "b.npy", bytes: deflateRawSync(array), method: 8, size: array.length },
      ]),
      null,
    ],
  ];
}

/** Groups, contiguous arrays and packed chunks, as the HDF5 library writes them. */
async function smallHdf5(): Promise<Uint8Array> {
  return libraryFile((file) => {
    const layer = file.create_group("conv2d_1").create_group("conv2d_1");
    layer.create_dataset({ name: "kernel:0", data: Float32Array.from({ length: 54 }, (_, i) => i), shape: [3, 3, 3, 2] });
    file.create_dataset({
      name: "packed",
      data: Float32Array.from({ length: 200 }, Math.sqrt),
      shape: [20, 10],
      chunks: [8, 10],
      compression: "gzip",
    });
  });
}

/** Formats whose beginning can be a whole file too: protobuf has no length and no end. */
export const OPEN_ENDED: readonly ValidFile[] = [["small.pb", concat(...VARIABLES.map(frozen)), null]];
