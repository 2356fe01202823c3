import { InceptionError } from "../errors.js";
import type { TensorData } from "./dtype.js";

/**
 * Index of the first value that is NaN or infinite, or -1. A plain loop: it costs a fraction of what reading the values from
 * a file or computing them did (about 1 ns each).
 */
export function firstNonFinite(values: Float32Array | Float64Array): number {
  for (let index = 0; index < values.length; index++) {
    const value = values[index]!;
    // Infinity - Infinity and NaN - NaN are NaN.
    if (value - value !== 0) return index;
  }
  return -1;
}

/**
 * Refuses values that are NaN or infinite: parameters before they are used or written, outputs before they are read. Elements
 * of other types than float32 and float64 pass.
 *
 * @param action - what cannot be done, as in `load weights into "net"`
 * @param name - of the values, as in `parameter "fc.bias"`
 * @throws InceptionError NOT_FINITE with the first such value, its index, and how many there are
 */
export function checkFinite(values: TensorData, action: string, name: string): void {
  if (!(values instanceof Float32Array || values instanceof Float64Array)) return;
  const index = firstNonFinite(values);
  if (index < 0) return;
  let count = 0;
  for (const value of values) if (!Number.isFinite(value)) count++;
  const value = String(values[index]);
  const message = `Cannot ${action}: ${name} is ${value} at index ${index}; ${count} of ${values.length} values ${count === 1 ? "is" : "are"} not finite`;
  throw new InceptionError("NOT_FINITE", message, { name, index, value, count, length: values.length });
}

/** `checkFinite` for each parameter in turn, so that the first bad one is named. */
export function checkParameters(
  parameters: Iterable<readonly [path: string, tensor: { readonly data: TensorData }]>,
  action: string,
): void {
  for (const [path, { data }] of parameters) checkFinite(data, action, `parameter "${path}"`);
}
