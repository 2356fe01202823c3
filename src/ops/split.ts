import { at } from "../tensor/at.js";
import type { Dim } from "../tensor/shape.js";
import { checkAxis, checkIntegers } from "./kit/axes.js";
import { type NodeList, nodeList, type Target } from "./kit/lowering.js";
import { concrete, exactly, type Fixed, type Form, type OpDef, type Operands, POINTWISE, shapeError } from "./op.js";

interface SplitAttributes {
  readonly [name: string]: number | readonly number[];
  readonly axis: number;
  /** The size of each output along the axis. */
  readonly sizes: readonly number[];
}

export const split: OpDef<SplitAttributes, Fixed<1>, Operands> = {
  doc: "x cut along `axis` into outputs of the given sizes, in order; the sizes add up to the size of the axis.",
  operands: exactly(1),
  infer: ([x], { axis, sizes }, site) => {
    checkAxis(axis, x.shape.length, site);
    if (sizes.length === 0) throw shapeError(site, "expected at least 1 size, got 0");
    checkIntegers("sizes", sizes, sizes.length, 1, site);
    const size = concrete(x.shape[axis], `size on axis ${axis}`, site);
    const total = sizes.reduce((sum, part) => sum + part, 0);
    if (total !== size) throw shapeError(site, `sizes [${sizes.join(", ")}] add up to ${total}, axis ${axis} has ${size}`);
    return sizes.map((part) => ({ dtype: x.dtype, shape: x.shape.map((dim, i): Dim => (i === axis ? part : dim)) }));
  },
  // Every element goes to one output, so the gradients are joined; an output that the loss does not depend on gives zeros.
  grad: (b, { outputs, attributes: { axis } }, outputGradients) => {
    const parts = outputs.map(
      ({ type }, index) =>
        outputGradients[index] ?? b.add("constant", `zeros_${index}`, [], { shape: type.shape.map(Number), values: [0] }),
    );
    return [b.add("concat", "dx", parts, { axis })];
  },
  lower: splitForm(() => null),
  ...POINTWISE,
};

interface Part {
  readonly target: Target;
  readonly size: number;
}

/** How many parts are cut off at once: neighbors in groups that are cut further, or null for all of them. */
type Grouping = (parts: readonly Part[]) => readonly (readonly Part[])[] | null;

/** The form that cuts in stages. */
export function splitForm(grouping: Grouping): Form<SplitAttributes, Fixed<1>, Operands> {
  return (site, { axis, sizes }) => {
    const list = nodeList(site);
    const parts = sizes.map((size, target) => ({ target, size }));
    splitParts(list, grouping, { name: "parts", x: at(site.inputs, 0), axis, parts });
    return list.nodes;
  };
}

interface Cut {
  readonly name: string;
  readonly x: string;
  readonly axis: number;
  readonly parts: readonly Part[];
}

function splitParts(list: NodeList, grouping: Grouping, { name, x, axis, parts }: Cut): void {
  const groups = grouping(parts);
  const pieces = groups?.map((group, index) => ({ target: `${name}_${index}`, size: totalSize(group) })) ?? parts;
  const sizes = list.ints(
    `${name}_sizes`,
    pieces.map(({ size }) => size),
  );
  const targets = pieces.map(({ target }) => target);
  const found = list.addAll("Split", targets, [x, sizes], { axis: { int: axis } });
  for (const [index, group] of groups?.entries() ?? []) {
    splitParts(list, grouping, { name: `${name}_${index}`, x: at(found, index), axis, parts: group });
  }
}

function totalSize(parts: readonly Part[]): number {
  return parts.reduce((sum, { size }) => sum + size, 0);
}

declare module "./op.js" {
  interface Ops {
    readonly split: typeof split;
  }
}
