import { InceptionError } from "../../errors.js";
import type { Graph } from "../../ir/graph.js";
import type { Tensor } from "../../tensor/tensor.js";

/** A graph with values for its parameters. */
export interface Network {
  readonly graph: Graph;
  readonly parameters: ReadonlyMap<string, Tensor>;
}

/**
 * The values of a parameter.
 *
 * @throws InceptionError WEIGHTS_MISMATCH where it has none, or other than float32
 */
export function floatsOf({ graph, parameters }: Network, path: string): Tensor & { readonly data: Float32Array } {
  const tensor = parameters.get(path);
  if (tensor?.data instanceof Float32Array) return { ...tensor, data: tensor.data };
  const fact = tensor === undefined ? "has no value" : `is ${tensor.dtype}`;
  throw new InceptionError("WEIGHTS_MISMATCH", `Cannot quantize "${graph.name}": parameter "${path}" ${fact}, expected float32 values`, {
    path,
  });
}
