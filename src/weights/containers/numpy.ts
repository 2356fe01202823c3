import { InceptionError } from "../../errors.js";
import type { ByteSource } from "../../formats/byte-source.js";
import { describeNpy } from "../../formats/npy.js";
import { quoted } from "../../formats/quoted.js";
import { readZipDirectory } from "../../formats/zip.js";
import { formatCount } from "../../text.js";
import type { TensorEntry, WeightContainer, WeightFile } from "../weight-file.js";
import { collectTensors, MAX_SHARING } from "./collect.js";
import { openEntry, zipHolds } from "./zip-entries.js";

const NPY_ENDING = ".npy";

/** Opens an array's file for as long as `use` takes. */
export type OpenArray = <T>(use: (source: ByteSource) => Promise<T>) => Promise<T>;

/** NumPy's archives, of savez and savez_compressed: names are those of the entries without `.npy`. */
export const npz: WeightContainer = {
  format: "NumPy archive",
  extensions: [".npz"],
  match: (source) => zipHolds(source, (name) => name.endsWith(NPY_ENDING)),
  open: async (source) => {
    const entries = [...(await readZipDirectory(source)).values()].filter(({ name }) => name.endsWith(NPY_ENDING));
    // Before any is unpacked: each alone may stay below its limit, all together must too.
    const total = entries.reduce((sum, { size }) => sum + size, 0);
    if (total > MAX_SHARING * source.size) {
      throw new InceptionError(
        "FILE_LIMIT",
        `Cannot read zip file ${quoted(source.name)}: its arrays decode to ${formatCount(total)} bytes, the limit is ${MAX_SHARING} times the file size of ${formatCount(source.size)}; save with numpy.savez, which does not compress`,
        { file: source.name },
      );
    }
    const arrays = entries.map((entry): readonly [string, OpenArray] => [entry.name, async (use) => use(await openEntry(source, entry))]);
    return openArrays("NumPy archive", source.name, source.size, arrays);
  },
};

/**
 * Arrays in files of their own, as one weight file: a folder of `.npy`, or an archive of them.
 *
 * @param file - what messages call all of it
 * @param bytes - of all files together
 * @param arrays - by file name; `.npy` is dropped, and Windows' separators become slashes
 * @throws InceptionError as `openNpy`; FILE_UNSUPPORTED where there are none
 */
export async function openArrays(
  format: string,
  file: string,
  bytes: number,
  arrays: readonly (readonly [name: string, open: OpenArray])[],
): Promise<WeightFile> {
  const entries: TensorEntry[] = [];
  for (const [fileName, open] of arrays) {
    const name = fileName.slice(0, -NPY_ENDING.length).replaceAll("\\", "/");
    const { dtype, shape } = await open(describeNpy);
    const read = () => open(async (source) => ({ dtype, shape, data: await (await describeNpy(source)).read() }));
    entries.push({ name, dtype, shape, read });
  }
  return { format, metadata: {}, tensors: collectTensors(file, bytes, entries) };
}
