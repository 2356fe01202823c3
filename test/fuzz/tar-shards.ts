import { writeFileSync } from "node:fs";
import path from "node:path";
import { buffer } from "node:stream/consumers";
import { pack } from "tar-stream";
import { indexTar } from "../../src/node/datasets/tar-shards.js";
import { mutate } from "./mutate.js";
import type { FuzzTarget } from "./target.js";

/** Every sample of a shard that is read lies inside the file. */
export const tarShards: FuzzTarget = {
  name: "tar-shards",
  share: 4,
  prepare: async (folder) => {
    const tar = pack();
    const long = "d/".repeat(80);
    for (const [name, content] of [
      ["a.jpg", "xx"],
      ["a.cls", "1"],
      [`${long}b.png`, "yy"],
      [`${long}b.json`, '{"label":1}'],
    ] as const)
      tar.entry({ name }, content);
    tar.finalize();
    const whole = await buffer(tar);
    return (draws) => {
      const bytes = mutate(whole, draws, 1536);
      return {
        bytes,
        run: async () => {
          const file = path.join(folder, "x.tar");
          writeFileSync(file, bytes);
          for (const { offset, length } of await indexTar(file)) {
            if (offset + length > bytes.length) throw new Error(`a sample ends at ${offset + length} of ${bytes.length}`);
          }
        },
      };
    };
  },
};
