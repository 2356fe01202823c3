import { type Dim, formatShape } from "../tensor/shape.js";
import { int64Vector, reshapeTo } from "./kit/axes.js";
import { onlyGradient } from "./kit/gradient.js";
import { exactly, type OpDef, POINTWISE, type Site, shapeError } from "./op.js";

interface ReshapeAttributes {
  readonly [name: string]: readonly number[];
  /** Sizes; 0 keeps the size of the same axis of x, one −1 is what is left. */
  readonly shape: readonly number[];
}

export const reshape: OpDef<ReshapeAttributes> = {
  doc: `The elements of x in row-major order under another shape of as many elements. In \`shape\` 0 keeps the size of the
same axis (also one without a number) and one −1 stands for what is left.`,
  operands: exactly(1),
  infer: ([x], { shape }, site) => {
    if (shape.some((size) => !Number.isInteger(size) || size < -1) || shape.filter((size) => size === -1).length > 1) {
      throw shapeError(site, `shape [${shape.join(", ")}] must be sizes, 0 for the same size, and at most one -1 for what is left`);
    }
    const kept = shape.map((size, axis): Dim => {
      if (size !== 0) return size;
      const dim = x.shape[axis];
      if (dim === undefined)
        throw shapeError(site, `shape [${shape.join(", ")}] keeps axis ${axis}, which ${formatShape(x.shape)} does not have`);
      return dim;
    });
    const misfit = `${formatShape(x.shape)} cannot have shape ${formatShape(kept)}`;
    const left = elements(x.shape, kept, misfit, site) / elements(kept, x.shape, misfit, site);
    if (shape.includes(-1) ? !Number.isInteger(left) : left !== 1) throw shapeError(site, `${misfit}: the numbers of elements differ`);
    return [{ dtype: x.dtype, shape: kept.map((dim) => (dim === -1 ? left : dim)) }];
  },
  // Every element keeps its place in row-major order, so its gradient does.
  grad: (b, { inputs: [x] }, outputGradients) => [reshapeTo(b, "dx", onlyGradient(outputGradients), x.type.shape)],
  lower: (site, { shape }) => [
    { opType: "Reshape", inputs: [...site.inputs, site.constant("shape", int64Vector(shape))], outputs: site.outputs, attributes: {} },
  ],
  ...POINTWISE,
};

/** The number of elements, sizes without a number taken as 1: those must be on both sides. */
function elements(shape: readonly Dim[], other: readonly Dim[], misfit: string, site: Site): number {
  return shape.reduce<number>((product, dim) => {
    if (typeof dim === "number") return dim === -1 ? product : product * dim;
    if (other.filter((size) => size === dim).length === shape.filter((size) => size === dim).length) return product;
    throw shapeError(site, `${misfit}: "${dim}" must be kept`);
  }, 1);
}

declare module "./op.js" {
  interface Ops {
    readonly reshape: typeof reshape;
  }
}
