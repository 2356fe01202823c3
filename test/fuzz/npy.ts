import { bytesSource } from "../../src/formats/byte-source.js";
import { encodeNpy, openNpy } from "../../src/formats/npy.js";
import { mutate } from "./mutate.js";
import type { FuzzTarget } from "./target.js";

const ARRAYS = [
  encodeNpy({ dtype: "float32", shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) }),
  encodeNpy({ dtype: "uint8", shape: [2, 3, 4], data: Uint8Array.from({ length: 24 }, (_, index) => index) }),
  encodeNpy({ dtype: "int64", shape: [], data: BigInt64Array.of(7n) }),
];

export const npy: FuzzTarget = {
  name: "npy",
  share: 5,
  prepare: async () => (draws) => {
    const bytes = mutate(draws.pick(ARRAYS), draws, 128);
    return {
      bytes,
      run: async () => {
        const { data } = await openNpy(bytesSource("x.npy", bytes));
        if (data.byteLength > bytes.length) throw new Error(`${data.byteLength} bytes out of ${bytes.length}`);
      },
    };
  },
};
