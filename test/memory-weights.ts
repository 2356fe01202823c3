/** Weight files in memory. */
import { elementCount, type Tensor } from "../src/tensor/tensor.js";
import type { TensorEntry, WeightFile } from "../src/weights/weight-file.js";

/** A file of these tensors; reading one counts in `reads`. */
export function memoryFile(tensors: Iterable<readonly [name: string, tensor: Tensor]>, reads: string[] = []): WeightFile {
  const entries = [...tensors].map(([name, tensor]): [string, TensorEntry] => {
    const read = async () => {
      reads.push(name);
      return tensor;
    };
    return [name, { name, dtype: tensor.dtype, shape: tensor.shape, read }];
  });
  return { format: "memory", metadata: {}, tensors: new Map(entries) };
}

/** 0, 1, 2, … as float32. */
export function counting(shape: readonly number[]): Tensor {
  return { dtype: "float32", shape, data: Float32Array.from({ length: elementCount(shape) }, (_, i) => i) };
}
