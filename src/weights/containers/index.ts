import { InceptionError } from "../../errors.js";
import type { ByteSource } from "../../formats/byte-source.js";
import { looksLikeNpy } from "../../formats/npy.js";
import { quoted } from "../../formats/quoted.js";
import { looksLikeZip, readZipDirectory } from "../../formats/zip.js";
import type { WeightContainer, WeightFile } from "../weight-file.js";
import { pytorch } from "./pytorch.js";
import { safetensors } from "./safetensors.js";

/** Every weight format that can be read; add yours here. No two claim the same file. */
export const CONTAINERS = [pytorch, safetensors] as const satisfies readonly WeightContainer[];

/** Formats that people try and that are not read: recognised only to say so. */
const NOT_READ: readonly { readonly what: string; readonly remedy: string; readonly match: (source: ByteSource) => Promise<boolean> }[] = [
  {
    what: "an HDF5 file, as Keras writes (.h5)",
    remedy: "Keras files are not read yet; save the weights as safetensors or PyTorch",
    match: async (source) => startsWith(source, [0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a]),
  },
  {
    what: "a Keras 3 archive (.keras)",
    remedy: "Keras files are not read yet; save the weights as safetensors or PyTorch",
    match: async (source) => zipHolds(source, (name) => name === "model.weights.h5"),
  },
  {
    what: "a NumPy archive (.npz)",
    remedy: "save the arrays as safetensors",
    match: async (source) => zipHolds(source, (name) => name.endsWith(".npy")),
  },
  {
    what: "a single NumPy array (.npy)",
    remedy: "it has no tensor names; save named arrays as safetensors",
    match: looksLikeNpy,
  },
];

/**
 * Open a weight file of any known format; the content decides, not the name. Executes nothing that the file holds.
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
  const known = CONTAINERS.map(({ format, extensions }) => `${format} (${extensions.join(", ")})`).join(" and ");
  throw new InceptionError(
    "FILE_UNRECOGNIZED",
    `Cannot read weights from ${quoted(source.name)}: its content is of no known format; known are ${known}`,
    {
      file: source.name,
      formats: CONTAINERS.map(({ format }) => format),
    },
  );
}

async function startsWith(source: ByteSource, signature: readonly number[]): Promise<boolean> {
  if (source.size < signature.length) return false;
  const start = await source.read(0, signature.length);
  return signature.every((byte, index) => start[index] === byte);
}

async function zipHolds(source: ByteSource, wanted: (name: string) => boolean): Promise<boolean> {
  if (!(await looksLikeZip(source))) return false;
  try {
    return [...(await readZipDirectory(source)).keys()].some(wanted);
  } catch (error) {
    // A broken zip is of no format that can be named.
    if (error instanceof InceptionError) return false;
    throw error;
  }
}
