import { InceptionError } from "../errors.js";
import { quoted } from "../formats/quoted.js";
import { type Float32Tensor, stackRows, type Tensor } from "../tensor/tensor.js";
import type { LoadedModel } from "./model-host.js";

/**
 * Joins inputs of one size to a batch.
 *
 * @param inputs - each [1, C, H, W]; at least one
 * @throws InceptionError OPTION_INVALID where two sizes differ
 */
export function joinInputs(inputs: readonly Float32Tensor[]): Float32Tensor {
  const shape = inputs[0]?.shape.slice(1) ?? [];
  const other = inputs.find((input) => input.shape.slice(1).join() !== shape.join());
  if (other === undefined) {
    return stackRows(
      shape,
      inputs.map(({ data }) => data),
    );
  }
  const [found, expected] = [other.shape.slice(1).join("×"), shape.join("×")];
  throw new InceptionError(
    "OPTION_INVALID",
    `Cannot join images to a batch: the preprocessing gives ${found}, expected ${expected} like the image before it; pass \`batchSize\` 1`,
    { found, expected },
  );
}

/** Single images as one batch, checked against what the network expects. */
export function joinBatch(inputs: readonly Float32Tensor[], { metadata, session }: LoadedModel): Tensor {
  const batch = joinInputs(inputs);
  const [found, expected] = [batch.shape.slice(1), session.inputs[0]?.shape.slice(1) ?? []];
  if (expected.every((size, axis) => typeof size !== "number" || size === found[axis])) return batch;
  throw new InceptionError(
    "OPTION_INVALID",
    `Cannot run ${quoted(metadata.model)}: the preprocessing gives ${found.join("×")}, expected ${expected.join("×")}`,
    { found, expected },
  );
}
