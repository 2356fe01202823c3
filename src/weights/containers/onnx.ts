import { decodeModel } from "../../formats/onnx/decode.js";
import { looksLikeOnnx } from "../../formats/onnx/sniff.js";
import { hostTensor } from "../../formats/onnx/tensor.js";
import { isDType } from "../../tensor/dtype.js";
import type { TensorEntry, WeightContainer } from "../weight-file.js";
import { collectTensors } from "./collect.js";

/** The initializers of an ONNX model, under their names; types that are no weights are left out, values in other files refused. */
export const onnx: WeightContainer = {
  format: "ONNX",
  extensions: [".onnx"],
  match: looksLikeOnnx,
  open: async (source) => {
    const model = decodeModel(await source.read(0, source.size), { name: source.name, externalData: "report", otherParts: "report" });
    const entries = model.graph.initializers.flatMap((tensor): readonly TensorEntry[] => {
      const { name, dtype, shape } = tensor;
      return isDType(dtype) ? [{ name, dtype, shape, read: async () => hostTensor(tensor) }] : [];
    });
    return { format: "ONNX", metadata: Object.fromEntries(model.metadata), tensors: collectTensors(source.name, source.size, entries) };
  },
};
