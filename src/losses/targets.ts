import type { GraphBuilder, Ref } from "../ops/build.js";
import { concrete, type Site, shapeError } from "../ops/op.js";
import { formatShape, sameShape } from "../tensor/shape.js";

/**
 * Labels as distributions over the classes, which is what every loss here takes: 1 at the label's class, else 0. A label
 * outside [0, numClasses) gives a row of zeros, which the losses leave out: PyTorch's `ignore_index`.
 *
 * @param labels - int32 or int64 [N, spatial…]
 * @param numClasses - at least 1
 * @returns [N, numClasses, spatial…]
 * @throws InceptionError SHAPE_INVALID for labels of another type
 *
 * @example
 * ```ts
 * import { GraphBuilder } from "inceptionkit/core";
 * import { oneHotTargets } from "inceptionkit/train";
 * const b = new GraphBuilder("targets");
 * oneHotTargets(b, "targets", b.input("labels", [8], "int32"), 10).type.shape; // [8, 10]
 * ```
 */
export function oneHotTargets(b: GraphBuilder, path: string, labels: Ref, numClasses: number): Ref {
  return b.add("oneHot", path, [labels], { depth: numClasses, axis: 1 });
}

/** The number of classes of logits and targets [N, C, spatial…], which must have one shape. */
export function classesOf(site: Site, logits: Ref, targets: Ref): number {
  const { shape } = logits.type;
  if (shape.length < 2) throw shapeError(site, `expected logits [N, C, spatial…], got ${formatShape(shape)}`);
  if (!sameShape(shape, targets.type.shape)) {
    throw shapeError(site, `logits ${formatShape(shape)} and targets ${formatShape(targets.type.shape)} differ`);
  }
  return concrete(shape[1], "number of classes", site);
}

/** All axes of a value. */
export function allAxes(value: Ref): readonly number[] {
  return value.type.shape.map((_, axis) => axis);
}
