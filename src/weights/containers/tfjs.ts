import { InceptionError } from "../../errors.js";
import { type ByteSource, joinSources } from "../../formats/byte-source.js";
import { quoted } from "../../formats/quoted.js";
import { looksLikeTfjs, readTfjsManifest, type TfjsGroup, tfjsValues } from "../../formats/tfjs.js";
import type { TensorEntry, WeightContainer } from "../weight-file.js";
import { collectTensors } from "./collect.js";

/**
 * TensorFlow.js' layers and graph models: the tensors that the manifest of `model.json` lists, from shard files in the same
 * directory. Quantized tensors are listed and read as the values that they stand for. The topology is not read.
 */
export const tfjs: WeightContainer = {
  format: "TensorFlow.js",
  extensions: [".json"],
  match: looksLikeTfjs,
  open: async (source) => {
    const { format, groups } = await readTfjsManifest(source);
    const entries: TensorEntry[] = [];
    let bytes = source.size;
    for (const group of groups) {
      const shards = await openShards(source, group);
      bytes += shards.size;
      entries.push(...groupEntries(shards, group));
    }
    const metadata: Record<string, string> = format === null ? {} : { "tensorflow.js.format": format };
    return { format: tfjs.format, metadata, tensors: collectTensors(source.name, bytes, entries) };
  },
};

/** All shards of a group as one source, whose size is what the manifest says. */
async function openShards(source: ByteSource, group: TfjsGroup): Promise<ByteSource> {
  const fail = (code: "FILE_CORRUPT" | "FILE_TRUNCATED" | "FILE_UNSUPPORTED", fact: string) =>
    new InceptionError(code, `Cannot read TensorFlow.js model ${quoted(source.name)}: ${fact}`, { file: source.name });
  if (!source.sibling) throw fail("FILE_UNSUPPORTED", "its values are in other files; open it from a directory");
  const shards: ByteSource[] = [];
  for (const name of group.shards) shards.push(await source.sibling(name));
  const joined = joinSources(source.name, shards);
  if (joined.size === group.bytes) return joined;
  const fact = `its ${group.shards.length} shards (${quoted(group.shards[0] ?? "")}, …) have ${joined.size} bytes, the manifest lists ${group.bytes}`;
  throw fail(joined.size < group.bytes ? "FILE_TRUNCATED" : "FILE_CORRUPT", fact);
}

function groupEntries(shards: ByteSource, { tensors }: TfjsGroup): readonly TensorEntry[] {
  return tensors.map((tensor) => {
    const { name, dtype, shape, offset, bytes } = tensor;
    return { name, dtype, shape, read: async () => ({ dtype, shape, data: tfjsValues(tensor, await shards.read(offset, bytes)) }) };
  });
}
