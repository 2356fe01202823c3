/** Resizing of feature maps as one constant matrix per spatial axis, so that its gradient is exact and every provider has it. */

import type { GraphBuilder, Ref } from "../ops/build.js";
import { type Site, shapeError, spatialSizes } from "../ops/op.js";
import { at } from "../tensor/at.js";
import { formatCount } from "../text.js";

/**
 * How an element between elements is found: "nearest" takes the one that PyTorch's (and OpenCV's) nearest takes, which is
 * half an element off, "nearest_exact" the nearest center, "linear" and "cubic" interpolate along each axis.
 */
export type ResizeMode = "nearest" | "nearest_exact" | "linear" | "cubic";

/** To which size, and how, a layer resizes feature maps. */
export interface ResizeSpec {
  /** Output sizes, one per spatial axis. Either these or `scales`. */
  readonly sizes?: readonly number[];
  /**
   * Factors, one per spatial axis: sizes are floor(size · factor), and the step between elements is 1 / factor, which
   * differs from size / new size where the product was rounded.
   */
  readonly scales?: readonly number[];
  readonly mode: ResizeMode;
  /** Whether the centers of the first and last elements stay in place, instead of the outer borders. Linear and cubic only. Default false. */
  readonly alignCorners?: boolean;
  /** Whether shrinking averages over all elements under the widened filter, as Pillow does. Linear and cubic only. Default false. */
  readonly antialias?: boolean;
}

/** Most coefficients of one axis: 4096 from 4096 elements. */
const MAX_COEFFICIENTS = 2 ** 24;

/** Keys' cubic has a free parameter: PyTorch interpolates with −0.75, and widens as Pillow does with −0.5. */
const CUBIC = { plain: -0.75, antialias: -0.5 };

/**
 * Resize x [N, C, spatial…] with one to three spatial axes; the module is `path`. Same numbers as PyTorch's `interpolate`,
 * with coefficients in double precision. Axes that do not change are left alone.
 *
 * @throws InceptionError SHAPE_INVALID where sizes do not fit the input or the options exclude each other
 *
 * A map doubled in both directions: `resize(b, "up", x, { scales: [2, 2], mode: "linear" })`.
 */
export function resize(b: GraphBuilder, path: string, x: Ref, spec: ResizeSpec): Ref {
  const site: Site = { op: "resize", path };
  const sizes = spatialSizes(x.type.shape, site);
  checkSpec(spec, sizes.length, site);
  const targets = sizes.map((size, axis) => spec.sizes?.[axis] ?? Math.floor(size * (spec.scales?.[axis] ?? 1)));
  const changed = sizes.flatMap((size, axis) => {
    const target = at(targets, axis);
    if (!Number.isInteger(target) || target < 1 || target * size > MAX_COEFFICIENTS) {
      throw shapeError(
        site,
        `size ${target} of spatial axis ${axis} must be an integer from 1 to ${formatCount(Math.floor(MAX_COEFFICIENTS / size))}`,
      );
    }
    const matrix = coefficients(size, target, stepOf(size, target, spec, axis), spec);
    return isIdentity(matrix, size, target) ? [] : [{ axis: axis + 2, rows: target, matrix }];
  });
  const resized = changed.reduce(
    (value, attributes, index) =>
      b.add("matMulAxis", index === changed.length - 1 ? path : `${path}.axis${attributes.axis}`, [value], attributes),
    x,
  );
  return b.module(path, resized);
}

/** Copy a pooled map [N, C, 1…] to the given spatial sizes; the module is `path`. */
export function tile(b: GraphBuilder, path: string, x: Ref, sizes: readonly number[]): Ref {
  return b.module(path, b.add("expand", path, [x], { shape: [1, 1, ...sizes] }));
}

function checkSpec({ sizes, scales, mode, alignCorners, antialias }: ResizeSpec, rank: number, site: Site): void {
  const given = sizes ?? scales ?? [];
  if ((sizes === undefined) === (scales === undefined)) throw shapeError(site, "expected either sizes or scales");
  if (rank > 3) throw shapeError(site, `expected 1 to 3 spatial axes, got ${rank}`);
  if (given.length !== rank) throw shapeError(site, `${sizes ? "sizes" : "scales"} [${given.join(", ")}] must be ${rank} numbers`);
  if (scales?.some((scale) => !(scale > 0 && Number.isFinite(scale)))) {
    throw shapeError(site, `scales [${scales.join(", ")}] must be positive`);
  }
  if ((alignCorners || antialias) && mode.startsWith("nearest"))
    throw shapeError(site, `mode ${mode} has neither alignCorners nor antialias`);
  if (alignCorners && antialias) throw shapeError(site, "alignCorners and antialias exclude each other");
}

/** The distance between neighboring output elements, in input elements. */
function stepOf(size: number, target: number, { scales, alignCorners }: ResizeSpec, axis: number): number {
  if (alignCorners) return target === 1 ? 0 : (size - 1) / (target - 1);
  return scales === undefined ? size / target : 1 / at(scales, axis);
}

/** The matrix [target, size], row-major. */
function coefficients(size: number, target: number, step: number, { mode, alignCorners, antialias }: ResizeSpec): readonly number[] {
  const rows = Array.from({ length: target }, (_, i) => {
    if (mode === "nearest") return oneTap(size, Math.floor(i * step));
    if (mode === "nearest_exact") return oneTap(size, Math.floor((i + 0.5) * step));
    const kernel = mode === "linear" ? triangle : keys(antialias ? CUBIC.antialias : CUBIC.plain);
    const center = alignCorners ? i * step : (i + 0.5) * step - 0.5;
    return antialias ? widened(size, center, Math.max(step, 1), kernel) : taps(size, center, kernel);
  });
  return rows.flat();
}

function oneTap(size: number, position: number): readonly number[] {
  const row = new Array<number>(size).fill(0);
  row[Math.min(position, size - 1)] = 1;
  return row;
}

/** The four elements around the center; those beyond the border are the border's. */
function taps(size: number, center: number, kernel: (distance: number) => number): readonly number[] {
  const row = new Array<number>(size).fill(0);
  const first = Math.floor(center) - 1;
  for (let j = first; j < first + 4; j++) {
    const inside = Math.min(Math.max(j, 0), size - 1);
    row[inside] = at(row, inside) + kernel(center - j);
  }
  return row;
}

/** All elements under the kernel, widened by `width`; weights sum to 1 over those that exist. */
function widened(size: number, center: number, width: number, kernel: (distance: number) => number): readonly number[] {
  const weights = Array.from({ length: size }, (_, j) => kernel((j - center) / width));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}

function triangle(distance: number): number {
  return Math.max(1 - Math.abs(distance), 0);
}

/** Keys (1981): cubic convolution with free parameter a, 0 from distance 2 on. */
function keys(a: number): (distance: number) => number {
  return (distance) => {
    const t = Math.abs(distance);
    if (t <= 1) return ((a + 2) * t - (a + 3)) * t * t + 1;
    return t < 2 ? (((t - 5) * t + 8) * t - 4) * a : 0;
  };
}

function isIdentity(matrix: readonly number[], rows: number, columns: number): boolean {
  return rows === columns && matrix.every((value, index) => value === (index % (columns + 1) === 0 ? 1 : 0));
}
