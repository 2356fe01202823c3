import { mutate } from "./mutate.js";
import type { FuzzTarget } from "./target.js";
import { MAX_SHARING, OPEN_ENDED, readWhole, smallWeightFiles } from "./weight-files.js";

/** Files of every container of weights; all tensors are read, and take at most what the readers promise. */
export const weights: FuzzTarget = {
  name: "weights",
  share: 18,
  prepare: async () => {
    const files = [...(await smallWeightFiles()), ...OPEN_ENDED];
    return (draws) => {
      const [, whole, data] = draws.pick(files);
      const bytes = mutate(whole, draws);
      const beside = [...(data?.values() ?? [])].reduce((sum, each) => sum + each.length, 0);
      return {
        bytes,
        run: async () => {
          const total = await readWhole(bytes, data);
          if (total > MAX_SHARING * (bytes.length + beside)) throw new Error(`${total} bytes of tensors out of ${bytes.length + beside}`);
        },
      };
    };
  },
};
