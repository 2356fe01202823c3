import { isDType, viewBytes } from "../../../tensor/dtype.js";
import type { OnnxDType } from "../types.js";

/** Types whose elements decide sizes somewhere; bit patterns of half floats are no numbers. */
const NUMERIC: ReadonlySet<OnnxDType> = new Set(["bool", "float32", "float64", "int32", "int64", "int8", "uint8"]);

/** The elements of a tensor's bytes as numbers, or null where its type has none here. */
export function knownNumbers(dtype: OnnxDType, data: Uint8Array): readonly number[] | null {
  return NUMERIC.has(dtype) && isDType(dtype) ? Array.from(viewBytes(dtype, data), Number) : null;
}
