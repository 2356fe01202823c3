import { CALIBRATION_METHODS, type CalibrationMethod } from "../compile/quantize/ranges.js";

export { CALIBRATION_METHODS };

/** How a file with integers was made and what it was measured to do, kept in the file. */
export interface QuantizationRecord {
  /** Bits of the kernels, which are symmetric and have a scale for each output channel; activations have 8 and no sign. */
  readonly kernelBits: 7 | 8;
  readonly method: CalibrationMethod;
  /** Per cent of the values that a range covers; of the method "percentile". */
  readonly percentile?: number;
  /** Photographs, or volumes, that the ranges come from. */
  readonly images: number;
  /** Layers with a kernel that stayed float. */
  readonly kept: readonly string[];
  /**
   * Of `evaluated` other photographs, the share that the float network puts in the same class; of one that classifies nothing, the
   * mean cosine; of one that segments, the mean Dice overlap of both label maps.
   */
  readonly agreement: number;
  readonly evaluated: number;
}

/** The record, or null where a stranger's value is none. */
export function parseQuantizationRecord(value: unknown): QuantizationRecord | null {
  if (typeof value !== "object" || value === null) return null;
  const { kernelBits, method, percentile, images, kept, agreement, evaluated } = value as Readonly<Record<string, unknown>>;
  const known = CALIBRATION_METHODS.find((each) => each === method);
  if (known === undefined || (kernelBits !== 7 && kernelBits !== 8)) return null;
  if (typeof images !== "number" || typeof agreement !== "number" || typeof evaluated !== "number") return null;
  if (!Array.isArray(kept) || !kept.every((path) => typeof path === "string")) return null;
  return { kernelBits, method: known, ...(typeof percentile === "number" ? { percentile } : {}), images, kept, agreement, evaluated };
}
