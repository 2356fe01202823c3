/** Weights of several files in memory. */
import { InceptionError } from "../src/errors.js";
import { type ByteSource, bytesSource } from "../src/formats/byte-source.js";

export interface Bundled {
  readonly index: Uint8Array;
  /** By what follows the name of a checkpoint; by file name for shards. */
  readonly data: ReadonlyMap<string, Uint8Array>;
}

/** The index as a source that knows its data files, by what follows the name of the checkpoint or by whole names. */
export function besideSource(name: string, { index, data }: Bundled, missing?: string): ByteSource {
  const open = async (key: string, file: string): Promise<ByteSource> => {
    const bytes = data.get(key);
    if (bytes === undefined || key === missing) throw new InceptionError("FILE_NOT_FOUND", `Cannot open "${file}": there is no such file`);
    return bytesSource(file, bytes);
  };
  return {
    ...bytesSource(name, index),
    beside: (ending, other) => open(other, name.slice(0, name.length - ending.length) + other),
    sibling: (fileName) => open(fileName, fileName),
  };
}
