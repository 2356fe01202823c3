import { readFileSync } from "node:fs";
import { decodeImage } from "../../src/node/decode-image.js";
import { goldenPath } from "../shared.js";
import { mutate } from "./mutate.js";
import type { FuzzTarget } from "./target.js";

/** Small images of every format that is decoded, from the golden data of Pillow. */
export const images: FuzzTarget = {
  name: "images",
  share: 6,
  prepare: async () => {
    // Made by tools/goldens/pillow_decode.py.
    const golden = JSON.parse(readFileSync(goldenPath("pillow_decode.json"), "utf8")) as {
      readonly files: Readonly<Record<string, { readonly file: string }>>;
    };
    const files = Object.values(golden.files).map(({ file }) => Buffer.from(file, "base64"));
    return (draws) => {
      const bytes = mutate(draws.pick(files), draws, 64);
      return {
        bytes,
        run: async () => {
          const { width, height, data } = await decodeImage(bytes, { maxPixels: 1e6 });
          if (data.length !== 3 * width * height) throw new Error(`${data.length} bytes of ${width}x${height} pixels`);
        },
      };
    };
  },
};
