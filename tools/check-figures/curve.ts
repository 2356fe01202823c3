/** Precision and recall of a ranked list at each of its lengths. */
export interface CurvePoint {
  /** Entries of the list that were looked at. */
  readonly listed: number;
  readonly precision: number;
  readonly recall: number;
}

/** @param ranked - most suspect first */
export function labelCurve(ranked: readonly string[], wrong: readonly string[]): readonly CurvePoint[] {
  const all = new Set(wrong);
  let hits = 0;
  return ranked.map((name, k) => {
    if (all.has(name)) hits++;
    return { listed: k + 1, precision: hits / (k + 1), recall: hits / all.size };
  });
}
