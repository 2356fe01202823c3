/** log Σ exp(scale · values), shifted by the largest term so that nothing overflows. `scale` is positive. */
export function logSumExp(values: ArrayLike<number>, scale = 1): number {
  let largest = Number.NEGATIVE_INFINITY;
  for (let k = 0; k < values.length; k++) largest = Math.max(largest, scale * values[k]!);
  let sum = 0;
  for (let k = 0; k < values.length; k++) sum += Math.exp(scale * values[k]! - largest);
  return largest + Math.log(sum);
}
