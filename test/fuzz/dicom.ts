import { readVolume } from "../../src/node/volumes.js";
import { dicomSeries, folderOf } from "../dicom-series.js";
import { mutate } from "./mutate.js";
import type { FuzzTarget } from "./target.js";

const SLICES = [0, 1, 2, 3].map((slice) => Int16Array.from({ length: 20 }, (_, index) => slice * 100 + index - 7));

/** A series with one damaged slice. Compressed slices are decoded in WebAssembly, in test/dicom-compressed.test.ts. */
export const dicom: FuzzTarget = {
  name: "dicom",
  share: 3,
  prepare: async (root) => {
    const files = dicomSeries([5, 4], SLICES);
    return (draws) => {
      const at = draws.int(0, files.length - 1);
      const bytes = mutate(files[at] ?? new Uint8Array(0), draws, 1000);
      return {
        bytes,
        run: async () => {
          const folder = folderOf(root, files.with(at, Buffer.from(bytes)));
          await readVolume(folder);
        },
      };
    };
  },
};
