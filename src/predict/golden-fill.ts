import { InceptionError } from "../errors.js";
import { fillCheckpointTensor, fillUniform } from "../tensor/fill.js";
import { elementCount, float32Tensor, type Tensor } from "../tensor/tensor.js";
import type { TensorEntry, WeightFile } from "../weights/weight-file.js";
import type { GoldenEntry, GoldenInput } from "./golden-file.js";
import type { VerifyPlatform } from "./verified.js";

type Hashing = Pick<VerifyPlatform, "sha256">;

/**
 * An input by formula.
 *
 * @throws InceptionError HASH_MISMATCH where the formula gives other numbers than it gave the source
 */
export function filledInput({ key, shape, range, sha256 }: GoldenInput, platform: Hashing): Tensor {
  const values = fillUniform(key, elementCount(shape), range[0], range[1]);
  checkHash(platform, key, values, sha256);
  return float32Tensor(shape, values);
}

/** @throws InceptionError HASH_MISMATCH */
export function checkHash(platform: Hashing, key: string, values: Float32Array, expected: string): void {
  const actual = platform.sha256(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  if (actual !== expected) {
    throw new InceptionError(
      "HASH_MISMATCH",
      `Cannot verify: filling "${key}" gives SHA-256 ${actual}, the reference file has ${expected}`,
      {
        key,
      },
    );
  }
}

/** The source's checkpoint as a weight file: its keys and shapes, filled when read. */
export function filledCheckpoint(entries: readonly GoldenEntry[]): WeightFile {
  const tensors = entries.map(([name, shape]): readonly [string, TensorEntry] => {
    const counter = name.endsWith(".num_batches_tracked");
    const read = async (): Promise<Tensor> =>
      counter
        ? { dtype: "int64", shape, data: new BigInt64Array(elementCount(shape)) }
        : float32Tensor(shape, fillCheckpointTensor(name, shape));
    return [name, { name, dtype: counter ? "int64" : "float32", shape, read }];
  });
  return { format: "golden", metadata: {}, tensors: new Map(tensors) };
}
