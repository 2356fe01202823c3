import { bfloat16ToFloat32, float16ToFloat32 } from "../tensor/float16.js";
import type { Tensor } from "../tensor/tensor.js";

/** Named tensors whose values are read one at a time. */
export interface TensorSet {
  readonly name: string;
  readonly tensors: ReadonlyMap<string, ComparedTensor>;
}

export interface ComparedTensor {
  /** Of the file; not every element type of a file has numbers that can be read. */
  readonly dtype: string;
  readonly shape: readonly number[];
  /** null where the values cannot be read as numbers: another file holds them, or their type is none of ours. */
  readonly read: (() => Promise<Tensor>) | null;
}

/** One thing in which two sets of tensors differ. */
export interface TensorDifference {
  /** The tensor's name. */
  readonly path: string;
  /** `tensor` (only one set has it), `shape`, `dtype`, `values`, or `unread` (values that could not be compared). */
  readonly kind: "tensor" | "shape" | "dtype" | "values" | "unread";
  /** Of `values` the two values that are farthest apart; of `tensor` its type and shape, null where it is missing. */
  readonly a: string | number | readonly number[] | null;
  readonly b: string | number | readonly number[] | null;
  /** Of `values`. */
  readonly values?: ValueDifference;
}

interface ValueDifference {
  /** Elements, and how many of them are equal within the tolerance. */
  readonly elements: number;
  readonly equal: number;
  /** The largest |a − b|; null where an element is not a number or infinite on one side alone. */
  readonly absolute: number | null;
  /** The largest |a − b| / max(|a|, |b|), 0 to 2; null as above. */
  readonly relative: number | null;
  /** Place of the two farthest apart, counted row by row. */
  readonly index: number;
}

/** The differences of two sets of named tensors. */
export interface TensorComparison {
  readonly equal: boolean;
  /** Tensors that both have in the same shape. */
  readonly compared: number;
  readonly differences: readonly TensorDifference[];
}

interface CompareTensorsOptions {
  /**
   * Two elements are equal where |a − b| ≤ tolerance · max(1, |a|, |b|). Default 0: the same numbers. Above 0 element types
   * may differ too.
   */
  readonly tolerance?: number;
  /** Called before each tensor's values are read. */
  readonly onTensor?: (name: string) => void;
}

/**
 * In what two sets of tensors differ: names, shapes, element types and values. Two tensors are in memory at a time. NaN
 * equals NaN, and 0 equals −0.
 *
 * @example
 * ```ts
 * import { compareTensors, float32Tensor } from "inceptionkit/core";
 * const set = (name: string, values: readonly number[]) => {
 *   const tensor = float32Tensor([values.length], Float32Array.from(values));
 *   return { name, tensors: new Map([["bias", { dtype: "float32", shape: tensor.shape, read: async () => tensor }]]) };
 * };
 * const { differences } = await compareTensors(set("a", [1, 2]), set("b", [1, 2.5]));
 * differences[0]?.values; // { elements: 2, equal: 1, absolute: 0.5, relative: 0.2, index: 1 }
 * ```
 */
export async function compareTensors(a: TensorSet, b: TensorSet, options: CompareTensorsOptions = {}): Promise<TensorComparison> {
  const { tolerance = 0, onTensor } = options;
  const differences: TensorDifference[] = [];
  let compared = 0;
  for (const name of new Set([...a.tensors.keys(), ...b.tensors.keys()])) {
    const [ofA, ofB] = [a.tensors.get(name), b.tensors.get(name)];
    if (ofA === undefined || ofB === undefined) {
      differences.push({ path: name, kind: "tensor", a: typeText(ofA), b: typeText(ofB) });
      continue;
    }
    if (ofA.shape.join() !== ofB.shape.join()) {
      differences.push({ path: name, kind: "shape", a: ofA.shape, b: ofB.shape });
      continue;
    }
    compared++;
    if (ofA.dtype !== ofB.dtype && tolerance === 0) differences.push({ path: name, kind: "dtype", a: ofA.dtype, b: ofB.dtype });
    onTensor?.(name);
    differences.push(...(await valueDifference(name, ofA, ofB, tolerance)));
  }
  return { equal: differences.length === 0, compared, differences };
}

function typeText(tensor: ComparedTensor | undefined): string | null {
  return tensor === undefined ? null : `${tensor.dtype}[${tensor.shape.join(", ")}]`;
}

async function valueDifference(
  path: string,
  a: ComparedTensor,
  b: ComparedTensor,
  tolerance: number,
): Promise<readonly TensorDifference[]> {
  if (a.read === null || b.read === null) {
    const state = (tensor: ComparedTensor): string => (tensor.read === null ? `${tensor.dtype}, not read` : tensor.dtype);
    return [{ path, kind: "unread", a: state(a), b: state(b) }];
  }
  const [ofA, ofB] = [numbersOf(await a.read()), numbersOf(await b.read())];
  const found = compareValues(ofA, ofB, tolerance);
  if (found.equal === found.elements) return [];
  return [{ path, kind: "values", a: finite(ofA[found.index]), b: finite(ofB[found.index]), values: found }];
}

/** JSON has no NaN and no infinity. */
function finite(value: number | undefined): number | string | null {
  return value === undefined ? null : Number.isFinite(value) ? value : String(value);
}

/** The elements as numbers; integers beyond 2^53 lose their last digits. */
function numbersOf({ dtype, data }: Tensor): ArrayLike<number> {
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) return Float64Array.from(data, Number);
  if (data instanceof Uint16Array && dtype === "float16") return float16ToFloat32(data);
  if (data instanceof Uint16Array && dtype === "bfloat16") return bfloat16ToFloat32(data);
  return data;
}

function compareValues(a: ArrayLike<number>, b: ArrayLike<number>, tolerance: number): ValueDifference {
  const found = { elements: a.length, equal: 0, absolute: 0, relative: 0, index: 0, isComparable: true };
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [a[i] as number, b[i] as number];
    const distance = Math.abs(x - y);
    const size = Math.max(Math.abs(x), Math.abs(y));
    if (x === y || (Number.isNaN(x) && Number.isNaN(y))) found.equal++;
    else if (!Number.isFinite(distance)) {
      // The first of them is the one that is shown.
      if (found.isComparable) found.index = i;
      found.isComparable = false;
    } else {
      if (distance <= tolerance * Math.max(1, size)) found.equal++;
      if (distance > found.absolute && found.isComparable) found.index = i;
      found.absolute = Math.max(found.absolute, distance);
      found.relative = Math.max(found.relative, distance / size);
    }
  }
  const { isComparable, ...rest } = found;
  return isComparable ? rest : { ...rest, absolute: null, relative: null };
}
