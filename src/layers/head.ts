import type { GraphBuilder, Ref } from "../ops/build.js";

/** A linear layer with `<path>.weight` [M, C] and, unless told otherwise, `<path>.bias` [M]; the module is `path`. */
export function linear(b: GraphBuilder, path: string, x: Ref, outFeatures: number, bias = true): Ref {
  const weight = b.parameter(`${path}.weight`, [outFeatures, Number(x.type.shape[1])], "linear_kernel");
  const inputs = bias ? [x, weight, b.parameter(`${path}.bias`, [outFeatures], "bias")] : [x, weight];
  return b.module(path, b.add("gemm", path, inputs, {}));
}

/** Global average pooling [N, C, spatial…] → [N, C, 1…]; the module and the stage are `path`. */
export function globalPool(b: GraphBuilder, path: string, x: Ref): Ref {
  return b.stage(path, b.module(path, b.add("globalAveragePool", path, [x], {})));
}

/** [N, C, 1…] → [N, C] → dropout. Nodes `<path>.flatten` and `<path>`. The output "features" is the vector before dropout. */
export function flattenDropout(b: GraphBuilder, path: string, x: Ref, dropRate: number): { readonly features: Ref; readonly dropped: Ref } {
  const features = b.add("flatten", `${path}.flatten`, [x], {});
  return { features, dropped: b.module(path, b.add("dropout", path, [features], { dropRate })) };
}
