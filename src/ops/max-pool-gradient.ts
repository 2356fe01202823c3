import { at } from "../tensor/at.js";
import { formatShape, sameShape } from "../tensor/shape.js";
import { checkFloats } from "./kit/axes.js";
import { type NodeList, nodeList, padLast, product, sliceLast, spatial } from "./kit/lowering.js";
import { inferPool, lowerPool, type PoolAttributes, poolAlong, poolStages } from "./kit/pool.js";
import { type Join, joinAtOnce } from "./kit/shader-buffers.js";
import { exactly, type Fixed, type Form, type LoweredNode, type LowerSite, type OpDef, shapeError } from "./op.js";

export const maxPoolGradient: OpDef<PoolAttributes, Fixed<3>> = {
  doc: `x [N, C, spatial…], y and dy [N, C, out…] → dx like x, the gradient of maxPool from x to y: each window's dy goes to
its largest element, the first in row-major order where several are equal (PyTorch's rule). The attributes are those of
the maxPool. The batch must be a number. Elements that are less than 1e-30 below the largest may share with it. Not differentiable: it is used in backward graphs alone.`,

  operands: exactly(3),
  infer: (inputs, attributes, site) => {
    const [x, y, dy] = inputs;
    checkFloats(inputs, site);
    if (typeof x.shape[0] !== "number") throw shapeError(site, `the batch must be a number, got ${formatShape(x.shape)}`);
    const [pooled] = inferPool([x], attributes, site);
    for (const [name, { shape }] of Object.entries({ y, dy })) {
      if (!sameShape(shape, pooled.shape)) {
        throw shapeError(
          site,
          `${name} is ${formatShape(shape)}, a maxPool from ${formatShape(x.shape)} gives ${formatShape(pooled.shape)}`,
        );
      }
    }
    return [x];
  },

  grad: null,
  lower: (site, attributes) => {
    // Indices come from one MaxPool. Where the window has size 1 along the last axis, as in the layout with the batch
    // innermost, comparing reads and writes whole rows, and takes two thirds of the time.
    const [stage, ...further] = poolStages(spatial(site.inputTypes[0].shape), attributes);
    const isAlongRows = attributes.kernelShape.length > 1 && attributes.kernelShape.at(-1) === 1;
    const hasIndices = stage !== undefined && further.length === 0 && !isAlongRows;
    return hasIndices ? lowerByIndices(site, stage) : byComparing(site, attributes);
  },
  macs: () => 0,
  window: (attributes) => attributes,
};

/** ONNX's MaxPool also gives where in x, read as one row, each maximum was; dy is added up there. */
function lowerByIndices(site: LowerSite<Fixed<3>, Fixed<1>>, attributes: PoolAttributes): readonly LoweredNode[] {
  const list = nodeList(site);
  const [x, , dy] = site.inputs;
  const shape = site.inputTypes[0].shape.map(Number);
  const indices = at(list.addAll("MaxPool", ["maxima", "indices"], [x], lowerPool(attributes)), 1);
  const zeros = list.add("ConstantOfShape", "zeros", [list.ints("size", [product(shape)])]);
  const row = list.add("ScatterElements", "row", [zeros, list.reshape("indices_row", indices, [-1]), list.reshape("dy_row", dy, [-1])], {
    axis: { int: 0 },
    reduction: { string: "add" },
  });
  list.reshape(0, row, shape);
  return list.nodes;
}

/**
 * Without indices. A maximum over a box is the maximum along one axis after the other, and the first match along the
 * first axis, then along the second, … is the first in row-major order. So the maxima are taken from the last axis to
 * the first and the gradient goes back the other way: k comparisons per axis instead of k·k (or k·k·k) in all.
 */
export function maxPoolGradientByComparing(comparison: Comparison): Form<PoolAttributes, Fixed<3>> {
  return (site, attributes) => lowerByComparing(site, attributes, comparison);
}

/** How elements are compared and rows joined. */
interface Comparison {
  readonly join: Join;
  /** `left` where the element is the maximum, else 0. */
  readonly given: (list: NodeList, tap: string, values: Compared) => string;
}

type Compared = Readonly<Record<"element" | "y" | "left" | "zero", string>>;

function lowerByComparing(site: LowerSite<Fixed<3>, Fixed<1>>, attributes: PoolAttributes, comparison: Comparison): readonly LoweredNode[] {
  const list = nodeList(site);
  const [x, y, dy] = site.inputs;
  const shape = site.inputTypes[0].shape.map(Number);
  const out = spatial(site.inputTypes[1].shape);
  const [lowest, zero] = [list.scalar("lowest", -3.4028234663852886e38), list.scalar("zero", 0)];
  // Along other axes the windows are the elements.
  const axes = out.flatMap((_, axis) => (isIdentity(attributes, axis) ? [] : [axis]));
  // maps[i]: the map of which the axes from axes[i] on have been pooled; the last is x.
  const maps: string[] = [];
  maps[axes.length] = x;
  for (const [index, axis] of [...axes.entries()].reverse()) {
    const sizes = [...spatial(shape).slice(0, axis + 1), ...out.slice(axis + 1)];
    const [stage = attributes] = poolStages(
      sizes,
      poolAlong(attributes, (pooled) => pooled === axis),
    );
    maps[index] = index === 0 ? y : list.add("MaxPool", `pooled${axis}`, [at(maps, index + 1)], lowerPool(stage));
  }
  let gradient = dy;
  for (const [index, axis] of axes.entries()) {
    gradient = alongOneAxis(list, comparison, {
      name: `axis${axis}`,
      x: at(maps, index + 1),
      y: at(maps, index),
      dy: gradient,
      before: product(shape.slice(0, 2 + axis)),
      size: at(shape, 2 + axis),
      out: at(out, axis),
      behind: product(out.slice(axis + 1)),
      stride: at(attributes.strides, axis),
      dilation: at(attributes.dilations, axis),
      kernel: at(attributes.kernelShape, axis),
      begin: at(attributes.pads, axis),
      lowest,
      zero,
    });
  }
  list.reshape(0, gradient, shape);
  return list.nodes;
}

function isIdentity({ kernelShape, strides, pads }: PoolAttributes, axis: number): boolean {
  return kernelShape[axis] === 1 && strides[axis] === 1 && pads[axis] === 0 && pads[axis + kernelShape.length] === 0;
}

/** Pooling along the middle axis of [before, size, behind]. */
interface AxisPool {
  readonly name: string;
  readonly x: string;
  readonly y: string;
  readonly dy: string;
  readonly before: number;
  readonly size: number;
  readonly out: number;
  readonly behind: number;
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  readonly begin: number;
  readonly lowest: string;
  readonly zero: string;
}

/**
 * dx along one axis, as [before, size, behind]. Tap by tap, the windows whose element there equals the maximum give
 * their gradient to it and have none left; the last tap gets what is left, so nothing is lost or counted twice. Tap k
 * of window p is element p·stride + offset of the padded row, offset = dilation·k = q·stride + r: shifted by q inside
 * row r of `stride` rows, which together are the padded row.
 */
function alongOneAxis(list: NodeList, { join, given: givenWhereEqual }: Comparison, pool: AxisPool): string {
  const { name, before, size, out, behind, kernel, stride, dilation, begin, zero } = pool;
  const shift = Math.floor((dilation * (kernel - 1)) / stride);
  const length = (out - 1) * stride + dilation * (kernel - 1) + 1;
  const pads = { begins: [begin, 0], ends: [length - size - begin, 0] };
  const x = padLast(
    list,
    `${name}_padded`,
    list.reshape(`${name}_x`, pool.x, [before, size, behind]),
    [before, size, behind],
    pads,
    pool.lowest,
  );
  const y = list.reshape(`${name}_y`, pool.y, [before, out, behind]);
  let left = list.reshape(`${name}_dy`, pool.dy, [before, out, behind]);
  const rows: string[][] = Array.from({ length: stride }, () => []);
  for (let k = 0; k < kernel; k++) {
    const [tap, offset] = [`${name}_tap${k}`, dilation * k];
    let given = left;
    if (k < kernel - 1) {
      const element = sliceLast(list, tap, x, 3, { starts: [offset, 0], counts: [out, behind], steps: [stride, 1] });
      given = givenWhereEqual(list, tap, { element, y, left, zero });
      left = list.add("Sub", `${tap}_left`, [left, given]);
    }
    const moved = Math.floor(offset / stride);
    rows[offset % stride]?.push(
      padLast(list, `${tap}_moved`, given, [before, out, behind], { begins: [moved, 0], ends: [shift - moved, 0] }),
    );
  }
  return interleave(list, join, pool, rows, out + shift);
}

/**
 * ONNX Runtime's CPU selects several times slower than it calculates: element − y is 0 or negative, and
 * clip(1 + 1e30·(element − y), 0, 1) is 1 or 0 unless the two differ by less than 1e-30.
 */
function givenByProduct(list: NodeList, tap: string, { element, y, left }: Compared): string {
  const attributes = { alpha: { float: 1e30 }, beta: { float: 1 } };
  const mask = list.add("HardSigmoid", `${tap}_match`, [list.add("Sub", `${tap}_below`, [element, y])], attributes);
  return list.add("Mul", `${tap}_given`, [left, mask]);
}

const byComparing = maxPoolGradientByComparing({ join: joinAtOnce, given: givenByProduct });

/** By a comparison and a choice. */
export function givenByChoice(list: NodeList, tap: string, { element, y, left, zero }: Compared): string {
  return list.add("Where", `${tap}_given`, [list.add("Equal", `${tap}_match`, [element, y]), left, zero]);
}

/** Rows r of [before, length, behind] as elements p·stride + r of one row, cut to what lies in x. */
function interleave(
  list: NodeList,
  join: Join,
  { name, before, size, behind, stride, begin }: AxisPool,
  rows: readonly string[][],
  length: number,
): string {
  const sums = rows.map((parts, row) => {
    const [first] = parts;
    if (first === undefined) {
      // Elements between the taps of a window.
      return list.add("Expand", `${name}_row${row}`, [
        list.scalar(`${name}_none${row}`, 0),
        list.ints(`${name}_size${row}`, [before, length, 1, behind]),
      ]);
    }
    const sum = parts.length === 1 ? first : list.add("Sum", `${name}_sum${row}`, parts);
    return list.reshape(`${name}_row${row}`, sum, [before, length, 1, behind]);
  });
  const joined = sums.length === 1 ? at(sums, 0) : join(list, `${name}_rows`, sums, 2);
  const whole = list.reshape(`${name}_row`, joined, [before, length * stride, behind]);
  const ends = [size + begin - length * stride, 0];
  return padLast(list, `${name}_dx`, whole, [before, length * stride, behind], { begins: [-begin, 0], ends });
}

declare module "./op.js" {
  interface Ops {
    readonly maxPoolGradient: typeof maxPoolGradient;
  }
}
