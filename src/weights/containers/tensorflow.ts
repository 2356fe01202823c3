import { InceptionError } from "../../errors.js";
import type { ByteSource } from "../../formats/byte-source.js";
import { quoted } from "../../formats/quoted.js";
import {
  type Bundle,
  type BundleTensor,
  looksLikeCheckpoint,
  readCheckpoint,
  type SliceFile,
  shardEnding,
} from "../../formats/tensorflow/checkpoint.js";
import { looksLikeGraphDef, readGraphConstants } from "../../formats/tensorflow/graph-def.js";
import { hex, maskedCrc32c } from "../../formats/tensorflow/table.js";
import { type DType, viewBytes } from "../../tensor/dtype.js";
import type { TensorEntry, WeightContainer, WeightFile } from "../weight-file.js";
import { collectTensors } from "./collect.js";

const INDEX_ENDING = ".index";

/**
 * TensorFlow's checkpoints, V2 (`.index` and its data files) and V1 (one file), under the names of their variables.
 * Every tensor's checksum is compared when it is read. Tensors of texts and the like are left out.
 */
export const tensorflowCheckpoint: WeightContainer = {
  format: "TensorFlow checkpoint",
  extensions: [INDEX_ENDING],
  match: looksLikeCheckpoint,
  open: async (source) => {
    const checkpoint = await readCheckpoint(source);
    return checkpoint.version === 1 ? openSlices(source, checkpoint) : openBundle(source, checkpoint);
  },
};

/**
 * The constants of a frozen TensorFlow graph, under the names of their nodes. Of a graph that was frozen from variables only those
 * are listed: its other constants are shapes, axes and epsilons.
 */
export const tensorflowGraph: WeightContainer = {
  format: "TensorFlow graph",
  extensions: [".pb"],
  match: looksLikeGraphDef,
  open: async (source) => {
    const constants = readGraphConstants(source.name, await source.read(0, source.size));
    const variables = constants.filter(({ variable }) => variable);
    const entries = (variables.length > 0 ? variables : constants).map(({ name, dtype, shape, read }) => ({
      name,
      dtype,
      shape,
      read: async () => ({ dtype, shape, data: read() }),
    }));
    return { format: "TensorFlow graph", metadata: {}, tensors: collectTensors(source.name, source.size, entries) };
  },
};

function openSlices(source: ByteSource, file: SliceFile): WeightFile {
  const entries = file.tensors.flatMap(({ name, dtype, shape, read }): readonly TensorEntry[] =>
    dtype === null ? [] : [{ name, dtype, shape, read: async () => ({ dtype, shape, data: await read() }) }],
  );
  const tensors = collectTensors(source.name, source.size, entries);
  return { format: tensorflowCheckpoint.format, metadata: { "tensorflow.checkpoint": "1" }, tensors };
}

async function openBundle(source: ByteSource, bundle: Bundle): Promise<WeightFile> {
  const fail = (fact: string) =>
    new InceptionError("FILE_UNSUPPORTED", `Cannot read TensorFlow checkpoint ${quoted(source.name)}: ${fact}`, { file: source.name });
  if (!source.beside) throw fail("its values are in other files; open it from a directory");
  if (!source.name.endsWith(INDEX_ENDING))
    throw fail(`the name of its index does not end in ${INDEX_ENDING}, so its other files cannot be found`);
  const shards: ByteSource[] = [];
  for (let shard = 0; shard < bundle.shards; shard++) {
    shards.push(await source.beside(INDEX_ENDING, shardEnding(shard, bundle.shards)));
  }
  const bytes = shards.reduce((sum, { size }) => sum + size, 0);
  const entries = bundle.tensors.flatMap((tensor) => {
    const shard = shards[tensor.shard];
    return tensor.dtype === null || shard === undefined ? [] : [bundleEntry(shard, tensor, tensor.dtype)];
  });
  const tensors = collectTensors(source.name, bytes, entries);
  return { format: tensorflowCheckpoint.format, metadata: { "tensorflow.checkpoint": "2" }, tensors };
}

function bundleEntry(shard: ByteSource, { name, shape, offset, size, crc32c }: BundleTensor, dtype: DType): TensorEntry {
  const fail = (code: "FILE_CORRUPT" | "FILE_TRUNCATED", fact: string) =>
    new InceptionError(code, `Cannot read tensor ${quoted(name)} of ${quoted(shard.name)}: ${fact}`, { file: shard.name, tensor: name });
  if (offset + size > shard.size) throw fail("FILE_TRUNCATED", `it ends at byte ${offset + size}, the file has ${shard.size}`);
  const read = async () => {
    const bytes = await shard.read(offset, size);
    const actual = maskedCrc32c(bytes);
    if (actual !== crc32c) throw fail("FILE_CORRUPT", `its checksum is ${hex(actual)}, expected ${hex(crc32c)}`);
    return { dtype, shape, data: viewBytes(dtype, bytes) };
  };
  return { name, dtype, shape, read };
}
