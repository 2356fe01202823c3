/**
 * Returns a step at which to take a sample of about `samples` of `count` values, 1 for fewer. It has no divisor in common with the
 * count, so that the sample reaches every row and column of a map.
 */
export function coprimeStride(count: number, samples: number): number {
  let stride = Math.max(1, Math.floor(count / samples));
  while (greatestDivisor(stride, count) > 1) stride++;
  return stride;
}

function greatestDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestDivisor(b, a % b);
}
