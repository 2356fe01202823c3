import { PREPROCESSING } from "../../src/data/preprocessing.js";
import { bytesSource } from "../../src/formats/byte-source.js";
import { concatChunks } from "../../src/formats/concat-chunks.js";
import { encodeIndex, type IndexRow, openIndexFile } from "../../src/search/index-file.js";
import { mutate } from "./mutate.js";
import type { FuzzTarget } from "./target.js";

export const indexFiles: FuzzTarget = {
  name: "index-files",
  share: 5,
  prepare: async () => {
    const files = [await wholeFile(1), await wholeFile(40)];
    return (draws) => {
      const bytes = mutate(draws.pick(files), draws, 1024);
      return {
        bytes,
        run: async () => {
          const file = await openIndexFile(bytesSource("x.parquet", bytes));
          for (const group of file.groups.keys()) {
            const [entries, vectors] = [await file.readEntries(group), await file.readVectors(group)];
            if (entries.length * 8 + vectors.byteLength > 9 * bytes.length)
              throw new Error(`${vectors.byteLength} bytes out of ${bytes.length}`);
          }
        },
      };
    };
  },
};

async function wholeFile(rows: number): Promise<Uint8Array> {
  const header = {
    model: "googlenet.paper",
    weightsSha256: null,
    output: "features",
    dimension: 4,
    preprocessing: PREPROCESSING.timm_inception_v3,
    probe: [1, 2, 3, 4],
    root: "photos",
    source: null,
  };
  const chunks: Uint8Array[] = [];
  for await (const chunk of encodeIndex(header, rowsOf(rows))) chunks.push(chunk);
  return concatChunks(chunks);
}

async function* rowsOf(count: number): AsyncGenerator<IndexRow, void> {
  for (let row = 0; row < count; row++) {
    yield { path: `${row}.jpg`, sha256: "0".repeat(64), label: row % 3 === 0 ? null : "a", embedding: Float32Array.of(row, 1, 2, 3) };
  }
}
