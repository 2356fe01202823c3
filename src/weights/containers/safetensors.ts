import { looksLikeSafetensors, readSafetensorsHeader } from "../../formats/safetensors.js";
import { viewBytes } from "../../tensor/dtype.js";
import type { TensorEntry, WeightContainer } from "../weight-file.js";

/** safetensors files: names as stored, metadata as stored; tensor data is read only when asked for. */
export const safetensors: WeightContainer = {
  format: "safetensors",
  extensions: [".safetensors"],
  match: looksLikeSafetensors,
  open: async (source) => {
    const header = await readSafetensorsHeader(source);
    const tensors = new Map<string, TensorEntry>();
    for (const { name, dtype, shape, offset, length } of header.tensors) {
      const read = async () => ({ dtype, shape, data: viewBytes(dtype, await source.read(offset, length)) });
      tensors.set(name, { name, dtype, shape, read });
    }
    return { format: "safetensors", metadata: Object.fromEntries(header.metadata), tensors };
  },
};
