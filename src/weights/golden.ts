import type { Graph } from "../ir/graph.js";
import { fillCheckpointTensor } from "../tensor/fill.js";
import { float32Tensor, type Tensor } from "../tensor/tensor.js";

/**
 * Values for every parameter from a formula (see `fillCheckpointTensor`): a network that computes something definite
 * without a weight file, for tests, benchmarks and trying things out. It has learned nothing.
 */
export function goldenParameters(graph: Graph): ReadonlyMap<string, Tensor> {
  return new Map(
    graph.parameters.map(({ path, type }) => {
      const shape = type.shape.map(Number);
      return [path, float32Tensor(shape, fillCheckpointTensor(path, shape))];
    }),
  );
}
