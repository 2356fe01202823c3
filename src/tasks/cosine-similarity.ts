/**
 * Computes the cosine of the angle between two vectors, in [-1, 1], in double precision. The similarity of a zero vector to any
 * vector is 0.
 *
 * @throws RangeError where the lengths differ
 *
 * @example
 * ```ts
 * import { cosineSimilarity } from "inceptionkit";
 * cosineSimilarity([3, 4], [4, 3]); // 0.96
 * ```
 */
export function cosineSimilarity(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) throw new RangeError(`Cannot compare vectors of ${a.length} and ${b.length} values: expected equal lengths`);
  let [dot, squaredA, squaredB] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [a[i] ?? 0, b[i] ?? 0];
    dot += x * y;
    squaredA += x * x;
    squaredB += y * y;
  }
  const norms = Math.sqrt(squaredA) * Math.sqrt(squaredB);
  return norms === 0 ? 0 : Math.max(-1, Math.min(1, dot / norms));
}
