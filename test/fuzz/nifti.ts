import { writeFileSync } from "node:fs";
import path from "node:path";
import { gzipSync } from "node:zlib";
import type { Volume } from "../../src/data/volumes/volume.js";
import { parseNiftiHeader } from "../../src/formats/nifti.js";
import { encodeNifti } from "../../src/formats/nifti-encode.js";
import { readVolume, summarizeVolume } from "../../src/node/volumes.js";
import { mutate } from "./mutate.js";
import type { FuzzTarget } from "./target.js";

const SMALL: Pick<Volume, "shape" | "affine"> & { readonly data: Int16Array } = {
  shape: [3, 4, 2],
  affine: [1, 0, 0, -1, 0, 2, 0, -2, 0, 0, 3, -3, 0, 0, 0, 1],
  data: Int16Array.from({ length: 24 }, (_, index) => index - 5),
};

/** NIfTI-1 and NIfTI-2, plain and packed; damaged before and after packing. */
export const nifti: FuzzTarget = {
  name: "nifti",
  share: 8,
  prepare: async (folder) => {
    const first = Buffer.concat(encodeNifti(SMALL));
    const second = Buffer.concat(encodeNifti(SMALL, { ...parseNiftiHeader(first, "small"), version: 2 }));
    return (draws) => {
      const damaged = mutate(draws.pick([first, second]), draws, 352);
      const packed = draws.chance(0.5);
      const bytes = !packed ? damaged : draws.chance(0.7) ? gzipSync(damaged) : mutate(gzipSync(first), draws, 20);
      return {
        bytes,
        run: async () => {
          const file = path.join(folder, packed ? "x.nii.gz" : "x.nii");
          writeFileSync(file, bytes);
          await readVolume(file);
          await summarizeVolume(file);
        },
      };
    };
  },
};
