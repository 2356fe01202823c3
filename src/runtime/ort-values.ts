/**
 * Tensors and their descriptions as all packages of onnxruntime for JavaScript give them. Only the parts that are used
 * are named, so that core code depends on none of the packages.
 */
import { InceptionError, messageOf } from "../errors.js";
import { isDType, viewBytes } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";
import type { TensorInfo } from "./session.js";

interface OrtMetadata {
  readonly name: string;
  readonly isTensor: boolean;
  readonly type?: string;
  readonly shape?: readonly (number | string)[];
}

/** What all sessions of the runtime say about their models. */
export interface DescribedModel {
  readonly inputMetadata: readonly OrtMetadata[];
  readonly outputMetadata: readonly OrtMetadata[];
}

export interface OrtValue {
  readonly type: string;
  readonly dims: readonly number[];
  readonly data: unknown;
}

/** How onnxruntime-web gives a free size without a name: -1 as an unsigned number. onnxruntime-node gives "". */
const UNNAMED = 2 ** 32 - 1;

/** @throws InceptionError FILE_UNSUPPORTED for an input or output that is no tensor of numbers */
export function tensorInfo(model: string, info: OrtMetadata): TensorInfo {
  const { name, type, shape } = info;
  if (info.isTensor && type !== undefined && shape !== undefined && isDType(type)) {
    return { name, dtype: type, shape: shape.map((size) => (size === UNNAMED ? "" : size)) };
  }
  const kind = info.isTensor ? `a tensor of ${type ?? "nothing"}` : "no tensor";
  throw new InceptionError("FILE_UNSUPPORTED", `Cannot open "${model}": "${messageOf(name)}" is ${kind}, expected numbers or bool`, {
    value: name,
  });
}

/** The runtime's tensor as one of ours, over the same memory. */
export function hostTensor(model: string, name: string, value: OrtValue | undefined): Tensor {
  if (value === undefined || !isDType(value.type) || !ArrayBuffer.isView(value.data)) {
    throw new InceptionError("SESSION_FAILED", `Cannot read output "${messageOf(name)}" of "${model}": the runtime returned no numbers`);
  }
  const { buffer, byteOffset, byteLength } = value.data;
  // float16 comes as Uint16Array or, where the platform has it, as Float16Array.
  return { dtype: value.type, shape: value.dims, data: viewBytes(value.type, new Uint8Array(buffer, byteOffset, byteLength)) };
}
