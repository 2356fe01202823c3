import type { GraphBuilder, Ref } from "../ops/build.js";
import { type Padding, padsFollowSize, resolvePads } from "./padding.js";

/** A square (or cubic) pooling window. */
export interface PoolSpec {
  /** Side of the window in elements. */
  readonly size: number;
  readonly stride: number;
  /** Default "valid". */
  readonly padding?: Padding;
  /** Default false. */
  readonly ceilMode?: boolean;
}

/** Max pooling; the module is `path`. */
export function maxPool(b: GraphBuilder, path: string, x: Ref, spec: PoolSpec): Ref {
  const attributes = poolAttributes(x, spec);
  return b.module(path, b.add("maxPool", path, [x], attributes, padsFollowSize(spec.padding ?? "valid", attributes)));
}

/** Average pooling; `countIncludePad` is the divisor rule at the border, which differs between the public networks. */
export function averagePool(b: GraphBuilder, path: string, x: Ref, spec: PoolSpec, countIncludePad: boolean): Ref {
  const attributes = poolAttributes(x, spec);
  const followsSize = padsFollowSize(spec.padding ?? "valid", attributes);
  return b.module(path, b.add("averagePool", path, [x], { ...attributes, countIncludePad }, followsSize));
}

/** Concatenation along channels; the module is `path`. */
export function concatChannels(b: GraphBuilder, path: string, inputs: readonly Ref[]): Ref {
  return b.module(path, b.add("concat", path, inputs, { axis: 1 }));
}

function poolAttributes(x: Ref, spec: PoolSpec) {
  const sizes = x.type.shape.slice(2).map(Number);
  const kernelShape = sizes.map(() => spec.size);
  const strides = sizes.map(() => spec.stride);
  const dilations = sizes.map(() => 1);
  const pads = resolvePads(spec.padding ?? "valid", { kernelShape, strides, dilations, sizes });
  return { kernelShape, strides, pads, dilations, ceilMode: spec.ceilMode ?? false };
}
