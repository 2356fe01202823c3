/** Between ONNX's tensors and ours. */

import { InceptionError } from "../../errors.js";
import { isDType, viewBytes } from "../../tensor/dtype.js";
import type { Tensor } from "../../tensor/tensor.js";
import { quoted } from "../quoted.js";
import type { OnnxTensor } from "./types.js";

/** An ONNX tensor that shares the memory of ours. */
export function onnxTensor(name: string, tensor: Tensor): OnnxTensor {
  const { dtype, shape, data } = tensor;
  return { name, dtype, shape, data: new Uint8Array(data.buffer, data.byteOffset, data.byteLength) };
}

/**
 * Our tensor of an ONNX tensor; it shares memory where the bytes are aligned to the element size and copies them otherwise.
 *
 * @throws InceptionError FILE_UNSUPPORTED when the element type is none of ours or the values are in another file
 */
export function hostTensor(tensor: OnnxTensor): Tensor {
  const { name, dtype, shape, data } = tensor;
  if (tensor.external !== undefined) {
    throw new InceptionError("FILE_UNSUPPORTED", `Cannot use tensor ${quoted(name)}: its values are in another file`, { name });
  }
  if (!isDType(dtype)) {
    throw new InceptionError("FILE_UNSUPPORTED", `Cannot use tensor ${quoted(name)}: elements of type ${dtype} are not supported`, {
      name,
      dtype,
    });
  }
  return { dtype, shape, data: viewBytes(dtype, data) };
}
