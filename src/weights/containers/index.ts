import { InceptionError } from "../../errors.js";
import type { ByteSource } from "../../formats/byte-source.js";
import { looksLikeNpy } from "../../formats/npy.js";
import { quoted } from "../../formats/quoted.js";
import type { WeightContainer, WeightFile } from "../weight-file.js";
import { kerasArchive, kerasHdf5 } from "./keras.js";
import { npz } from "./numpy.js";
import { onnx } from "./onnx.js";
import { pytorch } from "./pytorch.js";
import { safetensors } from "./safetensors.js";
import { tensorflowCheckpoint, tensorflowGraph } from "./tensorflow.js";
import { tfjs } from "./tfjs.js";

/** Every weight format that can be read; add yours here. No two claim the same file. */
export const CONTAINERS = [
  safetensors,
  pytorch,
  kerasHdf5,
  kerasArchive,
  tensorflowCheckpoint,
  tensorflowGraph,
  tfjs,
  onnx,
  npz,
] as const satisfies readonly WeightContainer[];

/** Formats that people try and that are not read: recognized only to say so. */
const NOT_READ: readonly { readonly what: string; readonly remedy: string; readonly match: (source: ByteSource) => Promise<boolean> }[] = [
  {
    what: "a single NumPy array (.npy)",
    remedy: "it has no tensor names; put such files into a directory, each with the name of its tensor, and pass the directory",
    match: looksLikeNpy,
  },
];

/**
 * Opens a weight file of any known format; the content decides, not the name. Executes nothing that the file holds.
 *
 * @returns names, element types and shapes; values are read per tensor, on demand
 * @throws InceptionError FILE_UNRECOGNIZED (no known format), FILE_UNSUPPORTED (known, but not read), and what the format's reader throws:
 * FILE_CORRUPT, FILE_TRUNCATED, FILE_LIMIT, FILE_UNSAFE
 */
export async function openWeightFile(source: ByteSource): Promise<WeightFile> {
  for (const container of CONTAINERS) {
    if (await container.match(source)) return container.open(source);
  }
  for (const { what, remedy, match } of NOT_READ) {
    if (await match(source)) {
      throw new InceptionError("FILE_UNSUPPORTED", `Cannot read weights from ${quoted(source.name)}: it is ${what}; ${remedy}`, {
        file: source.name,
      });
    }
  }
  const known = CONTAINERS.map(({ format, extensions }) => `${format} (${extensions.join(", ")})`).join(", ");
  throw new InceptionError(
    "FILE_UNRECOGNIZED",
    `Cannot read weights from ${quoted(source.name)}: its content matches no supported format; supported are ${known}`,
    {
      file: source.name,
      formats: CONTAINERS.map(({ format }) => format),
    },
  );
}
