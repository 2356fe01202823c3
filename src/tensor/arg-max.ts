/**
 * Which of the values at `start`, `start + step`, … is the largest; the first of equals, 0 where there are none.
 *
 * @param start - default 0
 * @param step - default 1; with [classes, voxels] the number of voxels, for the class of the voxel `start`
 */
export function argMax(values: ArrayLike<number>, start = 0, step = 1): number {
  let best = 0;
  for (let index = 1, at = start + step; at < values.length; index++, at += step) {
    if ((values[at] ?? 0) > (values[start + best * step] ?? 0)) best = index;
  }
  return best;
}
