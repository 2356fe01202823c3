import type { GraphBuilder, Ref } from "../ops/build.js";

/** Adds a linear layer with `<path>.weight` [M, C] and, by default, `<path>.bias` [M]; the module is `path`. */
export function linear(b: GraphBuilder, path: string, x: Ref, outFeatures: number, bias = true): Ref {
  const weight = b.parameter(`${path}.weight`, [outFeatures, Number(x.type.shape[1])], "linear_kernel");
  const inputs = bias ? ([x, weight, b.parameter(`${path}.bias`, [outFeatures], "bias")] as const) : ([x, weight] as const);
  return b.module(path, b.add("gemm", path, inputs, {}));
}

/**
 * Global average pooling [N, C, spatial…] → features [N, C]; one stage. The module `path` is the map [N, C, 1…] where
 * the source flattens later ("map"), the vector where it flattens at once ("vector").
 */
export function globalPool(b: GraphBuilder, path: string, x: Ref, module: "map" | "vector"): Ref {
  const pooled = b.stage(path, b.add("globalAveragePool", module === "map" ? path : `${path}.pool`, [x], {}));
  const features = b.add("flatten", `${path}.flatten`, [pooled], {});
  b.module(path, module === "map" ? pooled : features);
  return features;
}

/** Dropout before a classifier; the module is `path`. */
export function dropout(b: GraphBuilder, path: string, x: Ref, dropRate: number): Ref {
  return b.module(path, b.add("dropout", path, [x], { dropRate }));
}
