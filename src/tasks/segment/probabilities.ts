import { createVolume, fromRas, rasGrid, resampleToGrid, sameGrid, type Volume, type VolumeGrid } from "../../data/index.js";

/**
 * Bring the probabilities of a class back to the grid of the file that they were made from, resampled linearly: they stay in
 * [0, 1], and those of all classes still add up to 1.
 *
 * @param values - [z, y, x] on the prepared grid, x fastest
 * @throws InceptionError VOLUME_INVALID where the grid was not made from `original`
 */
export function restoreProbabilities(values: Float32Array, grid: VolumeGrid, original: VolumeGrid): Volume {
  const volume = createVolume(grid.shape, values, grid.affine);
  const turned = rasGrid(original);
  return fromRas(sameGrid(volume, turned) ? volume : resampleToGrid(volume, turned, "linear"), original);
}
